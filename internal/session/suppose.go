package session

import "stead"

// Supposition is a question about who somebody would be if they asked now.
type Supposition struct {
	Login      Login
	Connection string  // key of the connection asked on
	InStead    string  // "name" or "iam:name" of whom to stand in for, "" for nobody
	Project    *string // as Session.SetProject, nil for the stored one
}

// Suppose resolves an asker by the same rules as Begin, opens nothing and records nothing: whoever answers from it has
// checked that the question is permitted, and records that it was asked. It refuses as Begin does.
func (s *Service) Suppose(q Supposition) (stead.Asker, World, error) {
	e, err := engineOf("http")
	if err != nil {
		return stead.Asker{}, nil, err
	}
	w, err := s.world()
	if err != nil {
		return stead.Asker{}, nil, err
	}
	req := request{login: q.Login, client: Client{Connection: q.Connection}, engine: e, project: q.Project}
	if q.InStead != "" {
		if err := req.stands.Request(canonicalOr(q.InStead), false); err != nil {
			return stead.Asker{}, nil, err
		}
	}
	a, err := req.resolve(w, s.cfg.Now())
	if err != nil {
		return stead.Asker{}, nil, err
	}
	return a, w, nil
}
