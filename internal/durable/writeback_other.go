//go:build !linux

package durable

import "os"

func startWriteback(*os.File) {}
