// SPDX-License-Identifier: Apache-2.0

//go:build pin

// Package pin holds the server in go.mod.
package pin

import _ "github.com/jaegertracing/jaeger/cmd/all-in-one"
