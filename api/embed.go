// Package api holds the published descriptions of stead's documents.
package api

import "embed"

// Schemas are JSON Schemas (draft 2020-12), one for each kind of document, named by its kind in lower case, and
// bundle.schema.json for a file that holds several kinds. Editors find them by a comment on the first line:
//
//	# yaml-language-server: $schema=api/bundle.schema.json
//
//go:embed *.schema.json
var Schemas embed.FS
