package bundle

import "stead/policy"

// Problems are everything that is wrong with what was read, in the order of the files.
type Problems = policy.Problems
