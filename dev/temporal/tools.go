//go:build tools

// Package tools names the one program that this module exists to build, so that go.mod and go.sum pin it.
package tools

import _ "github.com/temporalio/cli/cmd/temporal"
