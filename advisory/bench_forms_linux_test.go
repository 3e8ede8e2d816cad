package advisory

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/advisory/systems"
)

// benchBytes is the size of the documents that are measured: 100 MB, or what
// MUSTER_BENCH_MB says.
func benchBytes(b *testing.B) int64 {
	text := os.Getenv("MUSTER_BENCH_MB")
	if text == "" {
		return 100e6
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("MUSTER_BENCH_MB is %q", text)
	}
	return int64(n) * 1e6
}

const benchText = "A greeting that is longer than its buffer is written past its end, by which whoever is greeted may run code. "

// A benchForm is a form, and a writer of documents of it: head, then parts until
// the document is large enough, then tail.
type benchForm struct {
	name       string
	read       Importer
	head, tail string
	part       func(w io.Writer, i int)
}

var benchForms = []benchForm{
	{"csaf", CSAF, "", "", nil}, // see writeBenchCSAF
	{"oval", OVAL, "", "", nil}, // see writeBenchOVAL
	{"vuxml", VuXML, `<vuxml xmlns="http://www.vuxml.org/apps/vuxml-1">`, `</vuxml>`, func(w io.Writer, i int) {
		fmt.Fprintf(w, `
  <vuln vid="%08x-0000-11f1-8000-000000000001">
    <topic>pack%d -- greetings</topic>
    <affects>
      <package><name>pack%d</name><name>pack%d-devel</name><range><ge>1.0</ge><lt>1.%d_2,1</lt></range><range><lt>0.%d</lt></range></package>
    </affects>
    <description><body xmlns="http://www.w3.org/1999/xhtml"><p>The project reports:</p><blockquote cite="https://example.org/%d"><p>%s</p></blockquote></body></description>
    <references><cvename>CVE-2026-%d</cvename><url>https://example.org/%d</url></references>
    <dates><discovery>2026-01-02</discovery><entry>2026-01-03</entry></dates>
  </vuln>`, i, i%5000, i%5000, i%5000, i, i, i, strings.Repeat(benchText, 8), i, i)
	}},
	{"pkgvuln", Pkgvuln, "#FORMAT 1.1.0\n", "", func(w io.Writer, i int) {
		fmt.Fprintf(w, "pack%d>=%d.0<%d.%dnb%d\tdenial-of-service\thttps://nvd.nist.gov/vuln/detail/CVE-%d-%d\n", i%9000, i%7, i%7, i%13, i%3, 2000+i%26, 1000+i/3)
	}},
	{"updateinfo", Updateinfo, `<?xml version="1.0"?><updates>`, `</updates>`, func(w io.Writer, i int) {
		fmt.Fprintf(w, `<update status="final" type="security"><id>RLSA-2026:%d</id><title>Important: pack%d update</title><issued date="2026-03-01 18:25:24"/><severity>Important</severity><description>%s</description><references><reference href="https://example.org/CVE-2026-%d" id="CVE-2026-%d" type="cve"/></references><pkglist><collection short="x">`,
			i, i%3000, strings.Repeat(benchText, 6), i, i)
		for k := range 12 {
			fmt.Fprintf(w, `<package name="pack%d-%d" version="2.%d" release="7.el9_5" epoch="0" arch="%s" src="pack%d-2.%d-7.el9_5.src.rpm"><filename>pack%d-%d-2.%d-7.el9_5.rpm</filename><sum type="sha256">a35c21fbb221611e6c309d319210f00b5f4978a7eb64fd3a8f563ad79b23abfb</sum></package>`,
				i%3000, k/2, i, []string{"x86_64", "aarch64"}[k%2], i%3000, i, i%3000, k/2, i)
		}
		io.WriteString(w, `</collection></pkglist></update>`)
	}},
	{"secdb", Secdb, `{"distroversion": "v3.20", "packages": [{"pkg": {"name": "first", "secfixes": {}}}`, `]}`, func(w io.Writer, i int) {
		fmt.Fprintf(w, `,{"pkg": {"name": "pack%d", "secfixes": {`, i)
		for k := range 6 {
			fmt.Fprintf(w, `%s"1.%d.%d-r0": ["CVE-2026-%d", "CVE-2025-%d"]`, strings.Repeat(",", min(k, 1)), i, k, i*6+k, i*6+k)
		}
		io.WriteString(w, `}}}`)
	}},
	{"arch", Arch, `[{"name": "AVG-0", "packages": ["first"], "status": "Not affected"}`, `]`, func(w io.Writer, i int) {
		fmt.Fprintf(w, `,{"name": "AVG-%d", "packages": ["pack%d", "lib32-pack%d"], "status": "Fixed", "severity": "High", "type": "arbitrary code execution", "affected": "1.%d-1", "fixed": "1.%d-2", "ticket": null, "issues": ["CVE-2026-%d", "CVE-2026-%d"], "advisories": ["ASA-202603-%d"]}`,
			i+1, i%4000, i%4000, i, i, i*2, i*2+1, i)
	}},
}

// write makes a document of some size.
func (f *benchForm) write(b *testing.B, size int64) string {
	b.Helper()
	name := filepath.Join(b.TempDir(), f.name)
	file, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	w := &countedWriter{w: bufio.NewWriterSize(file, 1<<20)}
	switch f.name {
	case "csaf":
		writeBenchCSAF(w, size)
	case "oval":
		writeBenchOVAL(w, size)
	default:
		io.WriteString(w, f.head)
		for i := 0; w.n < size; i++ {
			f.part(w, i)
		}
		io.WriteString(w, f.tail)
	}
	if err := w.w.Flush(); err != nil {
		b.Fatal(err)
	}
	return name
}

type countedWriter struct {
	w *bufio.Writer
	n int64
}

func (c *countedWriter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.w.Write(p)
}

// writeBenchCSAF writes one VEX of a package with very many parts: a kernel, but
// larger.
func writeBenchCSAF(w *countedWriter, size int64) {
	products := int(size / 2000)
	io.WriteString(w, `{"document": {"category": "csaf_vex", "csaf_version": "2.0", "title": "t", "tracking": {"id": "CVE-2026-1", "status": "final"}}, "product_tree": {"branches": [{"category": "vendor", "name": "Red Hat", "branches": [`)
	releases := []string{"8", "9", "10"}
	for _, r := range releases {
		fmt.Fprintf(w, `{"category": "product_name", "name": "Red Hat Enterprise Linux BaseOS (v. %s)", "product": {"name": "Red Hat Enterprise Linux BaseOS (v. %s)", "product_id": "BaseOS-%s.0.Z.MAIN", "product_identification_helper": {"cpe": "cpe:/o:redhat:enterprise_linux:%s::baseos"}}},`, r, r, r, r)
	}
	id := func(i int) string {
		return fmt.Sprintf("kernel-part%d-0:5.14.0-%d.30.1.el9.%s", i/5, 100+i%400, []string{"x86_64", "aarch64", "s390x", "ppc64le", "src"}[i%5])
	}
	for i := range products {
		fmt.Fprintf(w, `%s{"category": "product_version", "name": "%[2]s", "product": {"name": "%[2]s", "product_id": "%[2]s", "product_identification_helper": {"purl": "pkg:rpm/redhat/kernel-part%[3]d@5.14.0-%[4]d.30.1.el9?arch=%[5]s"}}}`,
			strings.Repeat(",", min(i, 1)), id(i), i/5, 100+i%400, []string{"x86_64", "aarch64", "s390x", "ppc64le", "src"}[i%5])
	}
	io.WriteString(w, `]}], "relationships": [`)
	for i := range products {
		p := "BaseOS-" + releases[i%3] + ".0.Z.MAIN"
		fmt.Fprintf(w, `%s{"category": "default_component_of", "full_product_name": {"name": "%[2]s as a component of %[3]s", "product_id": "%[3]s:%[2]s"}, "product_reference": "%[2]s", "relates_to_product_reference": "%[3]s"}`, strings.Repeat(",", min(i, 1)), id(i), p)
	}
	io.WriteString(w, `]}, "vulnerabilities": [{"cve": "CVE-2026-1", "product_status": {"fixed": [`)
	lists := func() {
		for i := range products {
			fmt.Fprintf(w, `%s"BaseOS-%s.0.Z.MAIN:%s"`, strings.Repeat(",", min(i, 1)), releases[i%3], id(i))
		}
	}
	lists()
	io.WriteString(w, `]}, "remediations": [{"category": "workaround", "details": "none", "product_ids": [`)
	for w.n < size*95/100 {
		lists()
		io.WriteString(w, `]}, {"category": "vendor_fix", "details": "Update.", "product_ids": [`)
	}
	io.WriteString(w, `]}], "threats": [{"category": "impact", "details": "Important", "product_ids": []}]}]}`)
}

// writeBenchOVAL writes definitions in the form of Red Hat's.
func writeBenchOVAL(w *countedWriter, size int64) {
	io.WriteString(w, `<oval_definitions xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5" xmlns:red-def="http://oval.mitre.org/XMLSchema/oval-definitions-5#linux"><definitions>`)
	n := int(size / 16000)
	for i := range n {
		fmt.Fprintf(w, `<definition class="patch" id="oval:com.redhat.rhsa:def:%d" version="635"><metadata><title>RHSA-2026:%d: pack security update (Important)</title><reference ref_id="RHSA-2026:%d" ref_url="https://example.org/%d" source="RHSA"/><description>%s</description><advisory from="x"><severity>Important</severity><issued date="2026-04-30"/></advisory></metadata><criteria operator="AND"><criterion comment="Red Hat Enterprise Linux 9 is installed" test_ref="oval:com.redhat.rhsa:tst:1"/><criteria operator="OR">`,
			i, i, i, i, strings.Repeat(benchText, 20))
		for k := range 10 {
			fmt.Fprintf(w, `<criteria operator="AND"><criterion comment="pack%d-%d is earlier than 0:2.%d-7.el9_5" test_ref="oval:com.redhat.rhsa:tst:%d%02d1"/><criterion comment="pack%d-%d is signed with Red Hat redhatrelease2 key" test_ref="oval:com.redhat.rhsa:tst:%d%02d2"/></criteria>`, i%3000, k, i, i+10, k, i%3000, k, i+10, k)
		}
		io.WriteString(w, `</criteria></criteria></definition>`)
	}
	io.WriteString(w, `</definitions><tests><red-def:rpminfo_test check="at least one" id="oval:com.redhat.rhsa:tst:1" version="1"><red-def:object object_ref="oval:com.redhat.rhsa:obj:1"/><red-def:state state_ref="oval:com.redhat.rhsa:ste:1"/></red-def:rpminfo_test>`)
	for i := range n {
		for k := range 10 {
			for s := range 2 {
				fmt.Fprintf(w, `<red-def:rpminfo_test check="at least one" comment="pack%d-%d is earlier than 0:2.%d-7.el9_5" id="oval:com.redhat.rhsa:tst:%d%02d%d" version="635"><red-def:object object_ref="oval:com.redhat.rhsa:obj:%d%02d"/><red-def:state state_ref="oval:com.redhat.rhsa:ste:%d%d"/></red-def:rpminfo_test>`,
					i%3000, k, i, i+10, k, s+1, i%3000+10, k, i+10, s)
			}
		}
	}
	io.WriteString(w, `</tests><objects><red-def:rpminfo_object id="oval:com.redhat.rhsa:obj:1" version="1"><red-def:name>redhat-release</red-def:name></red-def:rpminfo_object>`)
	for i := range min(n, 3000) {
		for k := range 10 {
			fmt.Fprintf(w, `<red-def:rpminfo_object id="oval:com.redhat.rhsa:obj:%d%02d" version="635"><red-def:name>pack%d-%d</red-def:name></red-def:rpminfo_object>`, i+10, k, i, k)
		}
	}
	io.WriteString(w, `</objects><states><red-def:rpminfo_state id="oval:com.redhat.rhsa:ste:1" version="1"><red-def:version operation="pattern match">^9[^\d]</red-def:version></red-def:rpminfo_state>`)
	for i := range n {
		fmt.Fprintf(w, `<red-def:rpminfo_state id="oval:com.redhat.rhsa:ste:%d0" version="635"><red-def:arch datatype="string" operation="pattern match">aarch64|ppc64le|s390x|x86_64</red-def:arch><red-def:evr datatype="evr_string" operation="less than">0:2.%d-7.el9_5</red-def:evr></red-def:rpminfo_state><red-def:rpminfo_state id="oval:com.redhat.rhsa:ste:%d1" version="635"><red-def:signature_keyid operation="equals">199e2f91fd431d51</red-def:signature_keyid></red-def:rpminfo_state>`, i+10, i, i+10)
	}
	io.WriteString(w, `</states></oval_definitions>`)
}

// BenchmarkForm: how fast is a document of 100 MB read, and how much does the
// reader hold?
func BenchmarkForm(b *testing.B) {
	for i := range benchForms {
		f := &benchForms[i]
		b.Run(f.name, func(b *testing.B) {
			name := f.write(b, benchBytes(b))
			info, err := os.Stat(name)
			if err != nil {
				b.Fatal(err)
			}
			var advisories, rows int
			peak := heapPeak(func() { advisories, rows = readForm(b, f, name) })
			used := cpu(b)
			for b.Loop() {
				readForm(b, f, name)
			}
			used(1e9, "cpu-s/op")
			b.SetBytes(info.Size())
			b.ReportMetric(peak, "MiB-peak")
			b.ReportMetric(float64(advisories), "advisories")
			b.ReportMetric(float64(rows), "rows")
		})
	}
}

// heapPeak is the most that a function holds at once, in MiB. The collector runs
// often, so that little of what is counted is garbage.
func heapPeak(run func()) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	before := heap()
	peak := before
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				metrics.Read(sample)
				peak = max(peak, float64(sample[0].Value.Uint64())/(1<<20))
			}
		}
	}()
	run()
	close(stop)
	<-stopped
	return peak - before
}

func readForm(b *testing.B, f *benchForm, name string) (advisories, rows int) {
	b.Helper()
	in, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	o := Options{Name: f.name, Platform: systems.Builtin().Ecosystem("rocky", "9")}
	err = f.read(in, o, func(a *Advisory) error {
		advisories++
		rows += len(a.Affected)
		return nil
	})
	if err != nil || advisories == 0 {
		b.Fatalf("%d advisories: %v", advisories, err)
	}
	return advisories, rows
}
