package bundle

import (
	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

// setting has no bundle of its own: a prune leaves settings as they are.
func (r *reader) setting(d *document, doc settingDoc) {
	r.add(&item{doc: d, noun: store.Settings, key: doc.Name, name: doc.Name, edit: func(*look) (govern.Edit, error) {
		return govern.PutSetting{Setting: stead.Setting{Name: doc.Name, Value: doc.Value}}, nil
	}})
}
