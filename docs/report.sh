#!/bin/sh
# Reports the packages of this host to a collector of muster: docs/formats/report.md.
# For hosts where muster-report cannot run. Needs dpkg-query or rpm, awk, sort, gzip,
# openssl and curl. Settings are variables of the environment:
#
#   COLLECTOR  address, https://collector.example.org
#   CERT       file of the collector's certificate; without it nothing is sealed
#   SITE, TAG  what the report says of the host
#   NODE       the host's name, where its own, in full as /etc/hosts has it, is not right
#   KEY        file of the site's key, ID:SECRET
#   MODE       store-only, store-and-report or report-only
#   OUT        write what would be sent to this file, and send nothing; "-" in clear
#
# A report that cannot be sent is lost: the next one says what is new.
set -eu
if [ -z "${OUT:-}" ]; then : "${COLLECTOR:?where to report, as https://collector.example.org}"; fi
export LC_ALL=C
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# listed writes what a program lists to a file. One that breaks off ends all: packages that
# are not there would look as if they had been removed.
listed() {
	limit=
	if command -v timeout >/dev/null; then limit='timeout 300'; fi
	$limit "$@" >"$work/listed"
}

dpkg_packages() {
	listed dpkg-query -W -f '${db:Status-Status}\tdpkg\t${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t${Origin}\n'
	awk -F '\t' -v OFS='\t' '$1 == "installed" {
		if ($6 == $3) $6 = ""
		if ($7 == $4) $7 = ""
		print $2, $3, $4, $5, $6, $7, $8
	}' "$work/listed"
}

# The source package of rpm is the name of a file, NAME-VERSION-RELEASE.src.rpm.
rpm_packages() {
	listed rpm -qa --qf '%{NAME}\t%|EPOCH?{%{EPOCH}:}|\t%{VERSION}-%{RELEASE}\t%|ARCH?{%{ARCH}}|\t%|SOURCERPM?{%{SOURCERPM}}|\t%|VENDOR?{%{VENDOR}}:{%|PACKAGER?{%{PACKAGER}}|}|\n'
	awk -F '\t' -v OFS='\t' '$1 != "gpg-pubkey" {
		source = ""; version = ""
		if (match($5, /-[^-]+-[^-]+\.(no)?src\.rpm$/)) {
			source = substr($5, 1, RSTART - 1)
			version = substr($5, RSTART + 1)
			sub(/\.(no)?src\.rpm$/, "", version)
		}
		if (source == $1) source = ""
		if (version == $3) version = ""
		if (version != "") version = $2 version
		print "rpm", $1, $2 $3, $4, source, version, $6
	}' "$work/listed"
}

# Where there is dpkg, rpm may be there without packages of its own, and then fails.
packages() {
	if command -v dpkg-query >/dev/null && [ -s /var/lib/dpkg/status ]; then
		dpkg_packages
		if command -v rpm >/dev/null && rpm -qa 2>/dev/null | grep -q .; then rpm_packages; fi
	elif command -v rpm >/dev/null; then
		rpm_packages
	fi
}

# clean takes away what is no UTF-8.
clean() {
	if command -v iconv >/dev/null; then iconv -c -f UTF-8 -t UTF-8; else tr -d '\200-\377'; fi
}

field() { if [ -n "$2" ]; then printf '%s: %s\n' "$1" "$2"; fi; }

# name is in full where the host or /etc/hosts says so. DNS says something else elsewhere.
name() {
	own=$(uname -n)
	case $own in
	*.*) echo "$own" ;;
	*)
		full=
		if [ -r /etc/hosts ]; then
			full=$(awk -v own="$own." '{ sub(/#.*/, ""); for (i = 2; i <= NF; i++) if (index(tolower($i), tolower(own)) == 1 && length($i) > length(own)) { print $i; exit } }' /etc/hosts)
		fi
		echo "${full:-$own}"
		;;
	esac
}

# proof prints the HMAC of a file. The second way shows the key for a moment to those
# who may list processes; where other people use the host, install perl or use CMS.
proof() {
	if perl -MDigest::SHA -e 1 2>/dev/null; then
		perl -MDigest::SHA=hmac_sha256_hex,sha256 -e '
			open K, "<", $ARGV[0] or die; ($k = <K>) =~ s/\s+$//; $k =~ s/^[^:]*://;
			open F, "<", $ARGV[1] or die; binmode F; local $/; print hmac_sha256_hex(<F>, sha256($k))' "$1" "$2"
	else
		key=$(printf %s "$(cut -d: -f2 "$1")" | openssl dgst -sha256 | awk '{ print $NF }')
		openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" "$2" | awk '{ printf "%s", $NF }'
	fi
}

# seal tries what sees every change on the way, then what old versions of openssl have.
seal() {
	if openssl x509 -in "$CERT" -noout -text | grep -q id-ecPublicKey; then
		openssl cms -encrypt -binary -aes-256-gcm -in "$1" -outform DER -out "$2" -recip "$CERT" -aes256-wrap -keyopt ecdh_kdf_md:sha256
		return
	fi
	openssl cms -encrypt -binary -aes-256-gcm -in "$1" -outform DER -out "$2" -recip "$CERT" \
		-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 2>/dev/null ||
		openssl smime -encrypt -binary -aes-256-cbc -in "$1" -outform DER -out "$2" "$CERT"
}

packages >"$work/packages"
if [ ! -s "$work/packages" ]; then
	echo "report.sh: found no packages of dpkg or rpm" >&2
	exit 1
fi
ID='' VERSION_ID='' PRETTY_NAME=''
if [ -r /etc/os-release ]; then . /etc/os-release; fi
{
	echo 'Muster-Report: 1'
	field Host "${NODE:-$(name)}"
	field Site "${SITE:-}"
	field Tag "${TAG:-}"
	field Id "$ID"
	field Version "$VERSION_ID"
	field System "$PRETTY_NAME"
	field Arch "$(uname -m)"
	field Kernel "$(uname -r)"
	field Time "$(date +%s)"
	field Nonce "$(openssl rand -hex 16)"
	echo
	clean <"$work/packages" | sort -u
} >"$work/report"

if [ -n "${KEY:-}" ]; then
	{
		field Key "$(cut -d: -f1 "$KEY")"
		field Proof "$(proof "$KEY" "$work/report")"
		cat "$work/report"
	} >"$work/proven"
	mv "$work/proven" "$work/report"
fi
if [ "${OUT:-}" = - ]; then cat "$work/report"; exit; fi
gzip -n "$work/report"
type=application/gzip body=$work/report.gz
if [ -n "${CERT:-}" ]; then
	seal "$body" "$work/sealed"
	type=application/pkcs7-mime body=$work/sealed
fi
if [ -n "${OUT:-}" ]; then cp "$body" "$OUT"; exit; fi
status=$(curl -sS --max-time 120 -o "$work/answer" -w '%{http_code}' -H "Content-Type: $type" --data-binary "@$body" "$COLLECTOR/api/v1/reports?mode=${MODE:-store-only}")
case $status in
200 | 202) cat "$work/answer" ;;
*)
	echo "report.sh: the collector answers $status: $(tr -cd '[:print:]' <"$work/answer")" >&2
	exit 1
	;;
esac
