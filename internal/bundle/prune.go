package bundle

import (
	"encoding/json"
	"slices"

	"stead"
	"stead/internal/govern"
	"stead/internal/store"
)

// prune chooses what the bundle made earlier and does not describe any more, what refers to others before those.
func (b *Bundle) prune(l *look) ([]govern.Edit, error) {
	kept := map[string]bool{}
	for _, i := range b.items {
		kept[string(i.noun)+"\x1f"+i.key] = true
	}
	var out []govern.Edit
	for _, noun := range slices.Backward(ranks()) {
		if noun == store.Settings || b.pruned != nil && !slices.Contains(b.pruned, noun) {
			continue
		}
		err := eachRow(l, noun, func(row store.Row) error {
			var made struct {
				Bundle string `json:"bundle"`
			}
			if err := json.Unmarshal(row.Doc, &made); err != nil {
				return stead.AsError(err)
			}
			if made.Bundle != l.name || kept[string(noun)+"\x1f"+row.Key] {
				return nil
			}
			e, err := deletion(row)
			out = append(out, e)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// deletion is the edit that deletes a row.
func deletion(row store.Row) (govern.Edit, error) {
	switch row.Noun {
	case store.Subscriptions:
		s, err := store.Decode[stead.Subscription](row)
		if err != nil {
			return nil, err
		}
		return govern.DeleteSubscription{Source: s.Source, Principal: s.Principal}, nil
	case store.Projects:
		return govern.DeleteProject{Key: row.Key}, nil
	case store.Policies:
		return govern.DeletePolicy{Key: row.Key}, nil
	case store.DataSources:
		d, err := store.Decode[stead.DataSource](row)
		if err != nil {
			return nil, err
		}
		return govern.DeleteSource{Object: d.Object()}, nil
	case store.Groups:
		g, err := store.Decode[stead.Group](row)
		if err != nil {
			return nil, err
		}
		return govern.DeleteGroup{IAM: g.IAM, Name: g.Name}, nil
	case store.Identities:
		i, err := store.Decode[stead.Identity](row)
		if err != nil {
			return nil, err
		}
		return govern.DeleteIdentity{IAM: i.IAM, Name: i.Name}, nil
	case store.Connections:
		return govern.DeleteConnection{Key: row.Key}, nil
	case store.Purposes:
		return govern.DeletePurpose{Key: row.Key}, nil
	default:
		return nil, stead.Errorf(stead.Internal, "a %s cannot be deleted", row.Noun.Words())
	}
}
