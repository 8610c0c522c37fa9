package duck

import (
	"context"
	"fmt"
)

// settings are applied in order; the last ones shut the doors.
func (e *Engine) settings() []string {
	var s []string
	set := func(name, value string) { s = append(s, "SET GLOBAL "+name+" = "+value) }
	text := func(v string) string { return "'" + escape(v) + "'" }
	if e.cfg.Threads > 0 {
		set("threads", fmt.Sprint(e.cfg.Threads))
	}
	if e.cfg.Memory > 0 {
		set("memory_limit", text(fmt.Sprintf("%dKiB", max(e.cfg.Memory>>10, 1))))
	}
	set("temp_directory", text(e.temp))
	if e.cfg.TempMax > 0 && e.temp != "" {
		set("max_temp_directory_size", text(fmt.Sprintf("%dKiB", max(e.cfg.TempMax>>10, 1))))
	}
	set("TimeZone", text("UTC"))
	set("preserve_insertion_order", fmt.Sprint(e.cfg.PreserveOrder))
	// Plan-time statistics evaluate expressions on values of hidden rows.
	set("disabled_optimizers", text("statistics_propagation"))
	set("max_expression_depth", "500")
	set("autoinstall_known_extensions", "false")
	set("autoload_known_extensions", "false")
	set("allow_community_extensions", "false")
	set("allow_persistent_secrets", "false")
	s = append(s, "ATTACH ':memory:' AS "+Catalog, "CREATE SCHEMA "+homeCatalog+"."+emptySchema)
	switch {
	case e.isFile:
		s = append(s, "ATTACH "+text(e.root)+" AS "+fileCatalog+" (READ_ONLY)")
	case e.root != "":
		set("allowed_directories", "["+text(e.root)+"]")
	}
	set("enable_external_access", "false")
	set("lock_configuration", "true")
	return s
}

func (e *Engine) configure(ctx context.Context) error {
	k, err := e.lib.connect()
	if err != nil {
		return err
	}
	e.admin = &Conn{engine: e, link: k}
	for _, sql := range e.settings() {
		if err := e.admin.run(ctx, sql, anyKind); err != nil {
			return err
		}
	}
	return e.admin.run(ctx, "USE "+homeCatalog+"."+emptySchema, anyKind)
}
