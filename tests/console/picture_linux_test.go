package console

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/chromedp/cdproto/page"
)

// pictures is where they are kept, and maxPicture how long one may be.
const (
	pictures   = "../../docs/console"
	maxPicture = 150_000
)

// picture keeps what the window shows, and what is below it for a while.
func (b *tab) picture(name string) {
	b.Helper()
	yes := true
	size := value[[]float64](b, "[document.documentElement.clientWidth, Math.min(document.documentElement.scrollHeight, 1300)]")
	shot := command(b, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &yes,
		Clip: &page.Viewport{Width: size[0], Height: size[1], Scale: 1}})
	img, err := png.Decode(bytes.NewReader(shot.Data))
	check(b, err)
	var out bytes.Buffer
	check(b, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, reduced(img)))
	if out.Len() > maxPicture {
		b.Errorf("%s has %d bytes", name, out.Len())
	}
	check(b, os.MkdirAll(pictures, 0o755))
	check(b, os.WriteFile(filepath.Join(pictures, name), out.Bytes(), 0o644))
}

// reduced has the colours that the picture has most of, in place of all.
func reduced(img image.Image) image.Image {
	counts := map[color.RGBA]int{}
	r := img.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			counts[color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)]++
		}
	}
	order := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(uint32(a.R)<<16|uint32(a.G)<<8|uint32(a.B), uint32(b.R)<<16|uint32(b.G)<<8|uint32(b.B)))
	})
	var colours color.Palette
	for _, c := range order[:min(len(order), 256)] {
		colours = append(colours, c)
	}
	nearest := map[color.RGBA]uint8{}
	out := image.NewPaletted(r, colours)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			i, ok := nearest[c]
			if !ok {
				i = uint8(colours.Index(c))
				nearest[c] = i
			}
			out.SetColorIndex(x, y, i)
		}
	}
	return out
}
