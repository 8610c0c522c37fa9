package decide

import (
	"iter"
	"maps"
	"slices"
)

// shardCount is how many pieces a table is copied in. A change copies one piece of a
// few hundred entries, not the table.
const shardCount = 256

// edit marks what one With call has copied already and may change in place. It must not be of size zero:
// edits are told apart by their address.
type edit struct{ _ byte }

// table is a persistent map: put and remove on a copy leave the original as it was.
type table[K comparable, V any] struct {
	hash   func(K) uint32
	shards *[shardCount]shard[K, V]
	owner  *edit
	size   int
}

type shard[K comparable, V any] struct {
	entries map[K]V
	owner   *edit
}

func newTable[K comparable, V any](hash func(K) uint32) table[K, V] {
	return table[K, V]{hash: hash, shards: new([shardCount]shard[K, V])}
}

func (t *table[K, V]) get(k K) (V, bool) {
	v, ok := t.shards[t.hash(k)%shardCount].entries[k]
	return v, ok
}

// shard returns the piece of k, copied unless this edit has copied it before.
func (t *table[K, V]) shard(e *edit, k K) map[K]V {
	if t.owner != e {
		copied := *t.shards
		t.shards, t.owner = &copied, e
	}
	s := &t.shards[t.hash(k)%shardCount]
	if s.owner != e {
		s.entries, s.owner = maps.Clone(s.entries), e
		if s.entries == nil {
			s.entries = map[K]V{}
		}
	}
	return s.entries
}

func (t *table[K, V]) put(e *edit, k K, v V) {
	s := t.shard(e, k)
	if _, ok := s[k]; !ok {
		t.size++
	}
	s[k] = v
}

func (t *table[K, V]) remove(e *edit, k K) {
	if _, ok := t.get(k); !ok {
		return
	}
	delete(t.shard(e, k), k)
	t.size--
}

// all yields every entry in no order.
func (t *table[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for i := range t.shards {
			for k, v := range t.shards[i].entries {
				if !yield(k, v) {
					return
				}
			}
		}
	}
}

// ids is a persistent set of ids, small or large, added to in place within one edit.
type ids struct {
	list  []int64
	owner *edit
}

// index finds ids by a text.
type index = table[string, *ids]

func indexAdd(t *index, e *edit, key string, id int64) {
	set, ok := t.get(key)
	switch {
	case !ok:
		t.put(e, key, &ids{list: []int64{id}, owner: e})
	case set.owner == e:
		set.list = append(set.list, id)
	default:
		t.put(e, key, &ids{list: append(slices.Clone(set.list), id), owner: e})
	}
}

func indexRemove(t *index, e *edit, key string, id int64) {
	set, ok := t.get(key)
	if !ok {
		return
	}
	rest := slices.DeleteFunc(slices.Clone(set.list), func(x int64) bool { return x == id })
	if len(rest) == 0 {
		t.remove(e, key)
		return
	}
	t.put(e, key, &ids{list: rest, owner: e})
}

func indexed(t *index, key string) []int64 {
	if set, ok := t.get(key); ok {
		return set.list
	}
	return nil
}

// FNV-1a: a table's shards only need to be even, and decisions must not depend on chance.
const (
	fnvStart = 2166136261
	fnvPrime = 16777619
)

func hashText(s string) uint32 { return mixText(fnvStart, s) }

func mixText(h uint32, s string) uint32 {
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * fnvPrime
	}
	return h
}

func hashID[K ~int64](k K) uint32 { return uint32(uint64(k)*0x9E3779B97F4A7C15>>32) ^ uint32(k) }
