package rewrite

// Signatures lists what functions.txt claims to be total: class, name and the kinds
// of the arguments, for the scan that proves it.
func (r *Rewriter) Signatures(yield func(class, name string, args []rune, variadic bool)) {
	letters := map[kind]rune{}
	for l, k := range kindOf {
		letters[k] = l
	}
	for _, f := range r.functions {
		for _, s := range f.total {
			var args []rune
			for _, a := range s.args {
				args = append(args, letters[a])
			}
			yield(f.class, f.name, args, s.variadic)
		}
	}
}
