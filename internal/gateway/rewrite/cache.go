package rewrite

import (
	lru "container/list"
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"stead"
)

// cache keeps plans by statement text and parameter types. Under one key are the
// plans for different decisions; a plan is taken only when every leaf resolves to
// the fingerprint it was made for, so that a changed policy or another asker never
// meets an old plan.
type cache struct {
	mu      sync.Mutex
	limit   int
	entries map[[32]byte]*lru.Element
	order   *lru.List // most recently used first
}

type cacheEntry struct {
	key   [32]byte
	plans []*Plan
}

// variants is how many plans of one statement are kept.
const variants = 16

func newCache(limit int) *cache {
	return &cache{limit: limit, entries: map[[32]byte]*lru.Element{}, order: lru.New()}
}

func cacheKey(sql string, oids []uint32) [32]byte {
	h := sha256.New()
	h.Write([]byte(sql))
	h.Write([]byte{0})
	var b [4]byte
	for _, o := range oids {
		binary.BigEndian.PutUint32(b[:], o)
		h.Write(b[:])
	}
	return [32]byte(h.Sum(nil))
}

// get finds a plan whose leaves resolve as they did; an error of resolve is the
// asker's answer.
func (c *cache) get(key [32]byte, resolve Resolve) (*Plan, bool, error) {
	c.mu.Lock()
	e, ok := c.entries[key]
	if !ok {
		c.mu.Unlock()
		return nil, false, nil
	}
	c.order.MoveToFront(e)
	plans := e.Value.(*cacheEntry).plans
	c.mu.Unlock()

	found := map[string]stead.Fingerprint{}
	for _, p := range plans {
		same, err := p.current(resolve, found)
		if err != nil {
			return nil, false, err
		}
		if same {
			return p, true, nil
		}
	}
	return nil, false, nil
}

// current reports whether every leaf still resolves to the plan's fingerprint.
func (p *Plan) current(resolve Resolve, found map[string]stead.Fingerprint) (bool, error) {
	for _, l := range p.Leaves {
		id := pathKey(l.path)
		f, known := found[id]
		if !known {
			s, err := resolve(l.path)
			if err != nil {
				return false, err
			}
			if s.Decision.Verdict == stead.Allow {
				f = s.Decision.Fingerprint
			}
			found[id] = f
		}
		if f == (stead.Fingerprint{}) || f != l.Fingerprint {
			return false, nil
		}
	}
	return true, nil
}

func pathKey(path []string) string {
	s := ""
	for _, p := range path {
		s += p + "\x00"
	}
	return s
}

func (c *cache) put(key [32]byte, p *Plan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok {
		entry := e.Value.(*cacheEntry)
		keep := entry.plans[:min(len(entry.plans), variants-1)]
		entry.plans = append([]*Plan{p}, keep...)
		return
	}
	c.entries[key] = c.order.PushFront(&cacheEntry{key, []*Plan{p}})
	for len(c.entries) > c.limit {
		last := c.order.Back()
		delete(c.entries, last.Value.(*cacheEntry).key)
		c.order.Remove(last)
	}
}
