//go:build tools

// Package tools names the programs that this module exists to build, so that go.mod and go.sum pin them.
package tools

import (
	_ "go.temporal.io/server/cmd/server"
	_ "go.temporal.io/server/cmd/tools/sql"
)
