package snapshot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"stead"
	"stead/internal/decide"
	"stead/internal/store"
)

// nouns are what the world is made of; the others are of no consequence to decisions.
var nouns = []store.Noun{store.Identities, store.Groups, store.Connections, store.DataSources, store.Policies,
	store.Purposes, store.Projects, store.Subscriptions, store.Settings}

// load compiles the world from everything that is stored, at one revision.
func load(ctx context.Context, s store.Store) (*decide.World, error) {
	var d decide.Delta
	err := s.View(ctx, func(r store.Reader) error {
		d = decide.Delta{Revision: r.Revision()}
		for _, noun := range nouns {
			rows, err := r.List(ctx, noun, 0, 0)
			if err != nil {
				return err
			}
			for _, row := range rows {
				if err := put(&d, row); err != nil {
					return unreadable{err}
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return decide.New().With(d), nil
}

// deltaOf makes one delta of several changes: of each document only the last counts.
func deltaOf(changes []store.Change) (decide.Delta, error) {
	last := make(map[identity]int, len(changes))
	for i := range changes {
		last[identityOf(changes[i].Row)] = i
	}
	var d decide.Delta
	for i := range changes {
		c := &changes[i]
		d.Revision = c.Revision
		if last[identityOf(c.Row)] != i {
			continue
		}
		var err error
		switch c.Op {
		case store.OpPut:
			err = put(&d, c.Row)
		case store.OpDelete:
			err = remove(&d, c.Row)
		default:
			err = fmt.Errorf("unknown operation %q in the change log", c.Op)
		}
		if err != nil {
			return decide.Delta{}, err
		}
	}
	return d, nil
}

// identity is what a document is known by from one change to the next.
type identity struct {
	noun store.Noun
	id   int64
	key  string
}

// identityOf tells documents apart by their ids; settings by their names, as the world does: one that was
// deleted may be there again with another id.
func identityOf(row store.Row) identity {
	if row.Noun == store.Settings {
		return identity{noun: row.Noun, key: row.Key}
	}
	return identity{noun: row.Noun, id: row.ID}
}

// put adds a row's document. The row's id is the one that counts.
func put(d *decide.Delta, row store.Row) error {
	var err error
	switch row.Noun {
	case store.Identities:
		err = decode(row, &d.Identities)
	case store.Groups:
		err = decode(row, &d.Groups)
	case store.Connections:
		err = decode(row, &d.Connections)
	case store.DataSources:
		err = decode(row, &d.Sources)
	case store.Purposes:
		err = decode(row, &d.Purposes)
	case store.Projects:
		err = decode(row, &d.Projects)
	case store.Subscriptions:
		err = decode(row, &d.Subscriptions)
	case store.Policies:
		p, perr := store.DecodePolicy(row)
		if err = perr; err == nil {
			d.Policies = append(d.Policies, p)
		}
	case store.Settings:
		var s []*stead.Setting
		if err = decode(row, &s); err == nil {
			d.Settings = append(d.Settings, *s[0])
		}
	case store.Verifiers, store.APIKeys: // nothing is decided by these
	default:
		err = fmt.Errorf("the noun is unknown")
	}
	if err != nil {
		return fmt.Errorf("%s %d: %w", row.Noun, row.ID, err)
	}
	return nil
}

// decode reads a document strictly: a member that this version does not know could be one that denies.
func decode[T any](row store.Row, out *[]*T) error {
	v := new(T)
	dec := json.NewDecoder(bytes.NewReader(row.Doc))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	store.SetID(v, row.ID)
	*out = append(*out, v)
	return nil
}

func remove(d *decide.Delta, row store.Row) error {
	switch row.Noun {
	case store.Identities:
		d.DeletedIdentities = append(d.DeletedIdentities, stead.IdentityID(row.ID))
	case store.Groups:
		d.DeletedGroups = append(d.DeletedGroups, stead.GroupID(row.ID))
	case store.Connections:
		d.DeletedConnections = append(d.DeletedConnections, stead.ConnectionID(row.ID))
	case store.DataSources:
		d.DeletedSources = append(d.DeletedSources, stead.SourceID(row.ID))
	case store.Policies:
		d.DeletedPolicies = append(d.DeletedPolicies, row.ID)
	case store.Purposes:
		d.DeletedPurposes = append(d.DeletedPurposes, stead.PurposeID(row.ID))
	case store.Projects:
		d.DeletedProjects = append(d.DeletedProjects, stead.ProjectID(row.ID))
	case store.Subscriptions:
		d.DeletedSubscriptions = append(d.DeletedSubscriptions, stead.SubscriptionID(row.ID))
	case store.Settings:
		d.DeletedSettings = append(d.DeletedSettings, row.Key)
	case store.Verifiers, store.APIKeys: // nothing is decided by these
	default:
		return fmt.Errorf("%s %d: the noun is unknown", row.Noun, row.ID)
	}
	return nil
}
