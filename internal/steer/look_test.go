package steer

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"muster/api"
	"muster/index"
)

// TestReadOnce: many who look at one time read an index once, and who looked first may
// have gone.
func TestReadOnce(t *testing.T) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	file := enc.EncodeAll(nil, nil)
	head := &index.Head{Index: index.List{Raw: index.Blob{SHA256: index.SumText("")}, Compressed: index.Blob{SHA256: strings.Repeat("a", 64), Size: int64(len(file))}}}
	var reads atomic.Int32
	came, let := make(chan struct{}, 10), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reads.Add(1)
		came <- struct{}{}
		<-let
		w.Write(file) //nolint:errcheck // the client says so
	}))
	defer server.Close()
	c, err := api.New(server.URL, api.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &Shelf{Client: c}
	ctx, leave := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := s.read(ctx, head)
		first <- err
	}()
	<-came
	leave()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("who left is told %v", err)
	}
	var others errgroup.Group
	begun := make(chan struct{}, 8)
	for range 8 {
		others.Go(func() error {
			begun <- struct{}{}
			_, err := s.read(t.Context(), head)
			return err
		})
	}
	for range 8 {
		<-begun
	}
	close(let)
	if err := others.Wait(); err != nil {
		t.Error(err)
	}
	if n := reads.Load(); n != 1 {
		t.Errorf("it was read %d times", n)
	}
}
