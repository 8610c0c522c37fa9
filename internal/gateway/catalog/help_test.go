package catalog

import (
	"errors"
	"fmt"

	"stead"
)

// cause is for failure messages: a stead.Error hides why.
func cause(err error) string {
	if e := (*stead.Error)(nil); errors.As(err, &e) && e.Cause != nil {
		return fmt.Sprintf("%v: %v", err, e.Cause)
	}
	return fmt.Sprint(err)
}
