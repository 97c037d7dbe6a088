#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Odd messages, always the same ones: what mailers send that nobody should, and what nobody sends.

  odd_messages.py FOLDER    writes each to FOLDER/NAME.eml
  messages()                {name: octets}
  why_not_data(octets)      why SMTP's DATA cannot carry one, or None
"""
import base64
import pathlib
import random
import sys

HEAD = b"From: a@elsewhere.example\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\nSubject: odd\r\nMIME-Version: 1.0\r\n"
TEXT = b"Content-Type: text/plain; charset=utf-8\r\n"
B64 = b"Content-Transfer-Encoding: base64\r\n"
QP = b"Content-Transfer-Encoding: quoted-printable\r\n"
LINE_MAX = 1 << 20  # with CRLF: what a listener takes


def multi(boundary=b"b", subtype=b"mixed"):
    return b"Content-Type: multipart/%s; boundary=\"%s\"\r\n" % (subtype, boundary)


def headers():
    """Header sections, each before a small body."""
    kept = HEAD + b"\r\n"
    yield "plain", kept
    yield "no-from", HEAD.split(b"\r\n", 1)[1] + b"\r\n"
    yield "no-date", HEAD.replace(b"Date: ", b"X-Date: ") + b"\r\n"
    yield "no-fields", b"\r\n"
    yield "two-from", b"From: b@b.example\r\n" + kept
    yield "two-subjects", b"Subject: one\r\n" + kept
    yield "two-content-types", HEAD + TEXT + b"Content-Type: text/html\r\n\r\n"
    yield "empty-fields", b"X-Empty:\r\nX-Blank: \r\nSubject:\r\n" + kept
    yield "folded", b"X-Folded: a\r\n b\r\n\tc\r\n  \r\n d\r\n" + kept
    yield "folded-subject", HEAD.replace(b"Subject: odd", b"Subject:\r\n odd\r\n =?utf-8?q?caf=C3=A9?=\r\n =?utf-8?b?w6Q=?=") + b"\r\n"
    yield "white-lines", b"X-White: a\r\n \r\n\t\r\n" + kept
    yield "space-before-colon", b"X-Space \t : a\r\nSubject : b\r\n" + kept
    yield "odd-names", b"!#$%&'*+-./0^_`{|}~: 1\r\nX..Y: 2\r\n()<>@,;[]?=\"\\: 3\r\n" + kept
    yield "cases", HEAD.replace(b"From", b"FROM").replace(b"Subject", b"sUBJECT") + b"\r\n"
    yield "mbox-line", b"From a@elsewhere.example Sat Nov 21 19:48:00 2026\r\n" + kept
    yield "quoted-mbox-line", b">From a@elsewhere.example\r\n" + kept
    yield "mbox-line-within", HEAD + b"From here it is text\r\nTo: x@b.example\r\n\r\n"
    yield "no-colon", HEAD + b"this is no field\r\nTo: x@b.example\r\n\r\n"
    yield "colon-first", HEAD + b": no name\r\n\r\n"
    yield "continuation-first", b" white\r\n" + kept
    yield "no-blank-line", HEAD
    yield "raw-utf8", HEAD.replace(b"odd", "ödd 奇".encode()) + b"\r\n"
    yield "raw-latin1", HEAD.replace(b"odd", b"\xf6dd") + b"\r\n"
    yield "eight-bit-name", b"X-\xe4: 1\r\n" + kept
    yield "control-octets", b"X-Control: \x01\x02\x7f\x1b[31m\x08\x0b\x0c\r\n" + kept
    yield "nul-in-field", b"X-Nul: a\0b\r\nSubject: \0\r\n" + kept
    yield "encoded-words", HEAD.replace(b"odd", b"=?x?B?***?= =?utf-8?Q?=?= =?ISO-8859-1?q?=E9?==?utf-8?B?w6") + b"\r\n"
    yield "tagged", HEAD.replace(b"odd", b"Re: [EXT] odd") + b"\r\n"
    yield "tagged-in-a-word", HEAD.replace(b"odd", b"=?utf-8?B?W0VYVF0gb2Rk?=") + b"\r\n"
    yield "many-received", b"".join(b"Received: from h%d by h%d; Sat, 21 Nov 2026 19:48:00 +0000\r\n" % (i, i + 1) for i in range(60)) + kept
    yield "many-fields", b"".join(b"X-%d: %d\r\n" % (i, i) for i in range(5000)) + kept
    yield "many-content-fields", b"".join(b"Content-%d: %d\r\n" % (i % 300, i) for i in range(600)) + kept
    yield "long-name", b"X" * 900 + b": 1\r\n" + kept
    yield "long-field", b"X-Long: " + b"y" * 60000 + b"\r\n" + kept
    yield "long-folded-field", b"References:" + b"".join(b"\r\n <%d@a.example>" % i for i in range(3000)) + b"\r\n" + kept
    yield "line-of-998", b"X-Long: " + b"y" * 990 + b"\r\n" + kept
    yield "line-of-999", b"X-Long: " + b"y" * 991 + b"\r\n" + kept
    yield "large-header", b"".join(b"X-Large: %s\r\n" % (b"z" * 900) for _ in range(1000)) + kept
    yield "resent", b"Resent-From: c@c.example\r\nResent-Date: Sat, 21 Nov 2026 19:48:00 +0000\r\n" * 3 + kept
    yield "groups", HEAD + b"To: undisclosed-recipients:;\r\nCc: A (c (d)) <a@a.example>, \"b\\\" c\"@b.example\r\n\r\n"
    yield "bcc", HEAD + b"Bcc: x@b.example\r\nReturn-Path: <x@b.example>\r\nDelivered-To: y\r\n\r\n"
    yield "signed-by-dkim", b"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=x; h=from:subject;\r\n bh=AAAA; b=AAAA\r\nAuthentication-Results: mx; dkim=pass\r\n" + kept
    yield "penstock-fields", b"X-Penstock: no\r\nReceived: from x by mx.other.example (Penstock organization=default direction=INBOUND)\r\n" + kept


def bodies():
    """Fields of MIME and a body, each behind the plain fields."""
    part = b"--b\r\n" + TEXT + b"\r\npart\r\n"
    yield "empty", b"\r\n"
    yield "dots", b"\r\n.\r\n..\r\n.dot\r\n...\r\n"
    yield "blank-lines", b"\r\n" + b"\r\n" * 50
    yield "trailing-white", TEXT + b"\r\nsoft \r\nhard\t\r\n \r\n\t\r\n"
    yield "looks-like-fields", b"\r\nFrom: no@b.example\r\nSubject: no\r\n\r\n--b\r\n"
    yield "from-lines", b"\r\nFrom here\r\n>From there\r\n"
    yield "all-octets", b"\r\n" + bytes(c for c in range(256) if c not in b"\r\n") + b"\r\n"
    yield "nul", b"\r\na\0b\r\n\0\r\n"
    yield "nul-alone", b"\r\n" + b"\0" * 5000 + b"\r\n"
    yield "utf8-cut", TEXT + b"\r\n\xe2\x82\r\n\xf0\x9f\r\n"
    yield "flowed", b"Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\nsoft \r\nline\r\n-- \r\nme\r\n"
    yield "line-of-998", b"\r\n" + b"x" * 998 + b"\r\n"
    yield "line-of-999", b"\r\n" + b"x" * 999 + b"\r\n"
    yield "line-of-64k", b"\r\n" + b"x" * 65536 + b"\r\n"
    yield "line-of-1m", b"\r\n" + b"x" * (LINE_MAX - 2) + b"\r\n"
    yield "html", b"Content-Type: text/html\r\n\r\n<!-- <body> --><html><body><p>hi</body></html>\r\n"
    yield "html-broken", b"Content-Type: text/html; charset=utf-8\r\n\r\n<body \"'><<p <!-- </body>\r\n"
    yield "inline-pgp", b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nhi\r\n-----END PGP SIGNATURE-----\r\n"
    yield "smime", b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n" + B64 + b"\r\nAAAA\r\n"
    yield "signed", multi(subtype=b"signed; micalg=pgp-sha256") + b"\r\n" + part + b"--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"
    yield "encrypted", multi(subtype=b"encrypted") + b"\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b--\r\n"
    yield "alternative", multi(subtype=b"alternative") + b"\r\n" + part + b"--b\r\nContent-Type: text/html\r\n\r\n<p>hi</p>\r\n--b--\r\n"
    yield "preamble-epilogue", multi() + b"\r\npreamble\r\n" + part + b"--b--\r\nepilogue\r\n--b\r\nmore\r\n"
    yield "no-boundary", b"Content-Type: multipart/mixed\r\n\r\n" + part
    yield "empty-boundary", b"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n----\r\n\r\nx\r\n------\r\n"
    yield "no-end", multi() + b"\r\n" + part * 3
    yield "no-parts", multi() + b"\r\nnothing\r\n"
    yield "end-alone", multi() + b"\r\n--b--\r\n"
    yield "delimiter-white", multi() + b"\r\n--b \t\r\n\r\nx\r\n--b-- \r\n"
    yield "delimiter-prefix", multi() + b"\r\n" + part + b"--bb\r\n\r\nno\r\n--b--x\r\n--b--\r\n"
    yield "boundary-of-blanks", multi(b"a b") + b"\r\n--a b\r\n\r\nx\r\n--a b--\r\n"
    yield "boundary-of-70", multi(b"y" * 70) + b"\r\n--" + b"y" * 70 + b"\r\n\r\nx\r\n--" + b"y" * 70 + b"--\r\n"
    yield "boundary-of-300", multi(b"y" * 300) + b"\r\n--" + b"y" * 300 + b"\r\n\r\nx\r\n"
    yield "boundary-unquoted", b"Content-Type: multipart/mixed; boundary=----=_x/1\r\n\r\n------=_x/1\r\n\r\nx\r\n------=_x/1--\r\n"
    yield "boundary-in-pieces", b"Content-Type: multipart/mixed; boundary*0=a; boundary*1*=%62\r\n\r\n--ab\r\n\r\nx\r\n--ab--\r\n"
    yield "boundary-eight-bit", multi("grün".encode()) + b"\r\n--" + "grün".encode() + b"\r\n\r\nx\r\n"
    yield "part-without-header", multi() + b"\r\n--b\r\n\r\nx\r\n--b\r\nno field\r\n--b\r\n--b--\r\n"
    yield "part-header-alone", multi() + b"\r\n--b\r\nContent-Type: text/plain\r\n--b--\r\n"
    yield "multipart-in-base64", multi() + B64 + b"\r\n" + part + b"--b--\r\n"
    yield "same-boundary-within", multi() + b"\r\n--b\r\n" + multi() + b"\r\n" + part + b"--b--\r\n--b--\r\n"
    yield "overlapping", multi() + b"\r\n--b\r\n" + multi(b"c") + b"\r\n--c\r\n\r\nx\r\n--b\r\n\r\ny\r\n--c--\r\n--b--\r\n"
    yield "message", b"Content-Type: message/rfc822\r\n\r\n" + HEAD + b"\r\nwithin\r\n"
    yield "message-in-base64", b"Content-Type: message/rfc822\r\n" + B64 + b"\r\n" + base64.b64encode(HEAD) + b"\r\n"
    yield "message-with-lf-inside-base64", B64 + b"\r\n" + base64.encodebytes(b"a\nb\n" * 99).replace(b"\n", b"\r\n")
    yield "partial", b"Content-Type: message/partial; id=x; number=1; total=2\r\n\r\n" + HEAD + b"\r\nx\r\n"
    yield "external", b"Content-Type: message/external-body; access-type=URL; URL=\"x\"\r\n\r\nContent-Type: text/plain\r\n\r\n"
    yield "digest", multi(subtype=b"digest") + b"\r\n--b\r\n\r\n" + HEAD + b"\r\nx\r\n--b--\r\n"
    yield "report", multi(subtype=b"report; report-type=delivery-status") + b"\r\n" + part + b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nAction: failed\r\n--b--\r\n"
    yield "parts-5000", multi() + b"\r\n" + part * 5000 + b"--b--\r\n"
    yield "empty-parts-5000", multi() + b"\r\n" + b"--b\r\n" * 5000 + b"--b--\r\n"
    for levels in (2, 20, 200, 399, 400, 600):
        yield f"levels-{levels}", nested(levels)
        yield f"levels-{levels}-open", nested(levels, closed=False)
    yield "messages-within-200", b"Content-Type: message/rfc822\r\n\r\n" * 200 + b"x\r\n"
    for name, value in (("no-subtype", b"text"), ("no-type", b"/plain"), ("empty", b""), ("junk", b";;;=;\"("), ("deep-comment", b"(" * 4000),
                        ("quote-open", b"text/plain; charset=\"utf-8"), ("upper", b"TEXT/PLAIN; CHARSET=UTF-8"), ("charset-unknown", b"text/plain; charset=x-none"),
                        ("many-parameters", b"text/plain" + b"; a=b" * 1000), ("extended-name", b"application/x; name*=utf-8''%e2%82%ac.exe")):
        yield f"type-{name}", b"Content-Type: " + value + b"\r\n\r\nbody\r\n"
    for name, value in (("unknown", b"x-zip"), ("empty", b""), ("comment", b"(x) base64 (y)"), ("seven", b"7-bit"), ("binary", b"binary"), ("twice", b"7bit\r\nContent-Transfer-Encoding: base64")):
        yield f"encoding-{name}", b"Content-Transfer-Encoding: " + value + b"\r\n\r\nbody \xe4\r\n"
    for name, text in (("open", b"AAA"), ("padding-within", b"AA==AAAA"), ("blanks", b" A A\tA A "), ("hyphens", b"AAAA\r\n--\r\nAAAA"), ("long-line", b"A" * 4000),
                       ("nul", b"AA\0AA"), ("short-lines", b"\r\n".join([b"A"] * 400)), ("footer", b"AAAA\r\n\r\n_____\r\nlist footer"), ("none", b"")):
        yield f"base64-{name}", TEXT + B64 + b"\r\n" + text + b"\r\n"
    for name, text in (("bad-hex", b"=ZZ=4"), ("soft-at-end", b"soft="), ("white-at-end", b"a \t=\r\nb =\t\r\n"), ("lower", b"=c3=a4"), ("eight-bit", b"\xe4=E4"), ("long-line", b"=41" * 1000)):
        yield f"qp-{name}", TEXT + QP + b"\r\n" + text + b"\r\n"
    for charset, text in (("iso-8859-1", "äß"), ("windows-1252", "€“"), ("iso-2022-jp", "日本語"), ("koi8-r", "Привет"), ("shift_jis", "日本語"), ("gb18030", "中文"), ("utf-16", "hä"), ("utf-16be", "hä"), ("utf-7", "hä")):
        octets = text.encode(charset)
        yield f"charset-{charset}", b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\n" + B64 + b"\r\n" + base64.b64encode(octets) + b"\r\n"
    yield "iso-2022-jp-open", b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$BF|K\r\n"


def nested(levels, closed=True):
    opened = b"".join(multi(b"n%d" % i) + b"\r\n--n%d\r\n" % i for i in range(levels))
    return opened + b"\r\nx\r\n" + b"".join(b"--n%d--\r\n" % i for i in range(levels - 1, -1, -1)) * closed


def line_ends():
    """What SMTP's DATA cannot carry: a CR or LF alone, a last line without an end."""
    mail = HEAD + multi() + b"\r\n--b\r\n" + B64 + b"\r\nQUJD\r\nREVG\r\n--b--\r\n"
    yield "lf", mail.replace(b"\r\n", b"\n")
    yield "cr", mail.replace(b"\r\n", b"\r")
    yield "lf-cr", mail.replace(b"\r\n", b"\n\r")
    yield "cr-cr-lf", mail.replace(b"\r\n", b"\r\r\n")
    yield "mixed-in-base64", mail.replace(b"QUJD\r\n", b"QUJD\n").replace(b"REVG\r\n", b"RE\rVG\r\n")
    yield "lf-in-header", mail.replace(b"odd\r\n", b"odd\n")
    yield "cr-in-header", mail.replace(b"odd", b"o\rdd")
    yield "lf-in-body", HEAD + b"\r\na\nb\r\n"
    yield "cr-in-body", HEAD + b"\r\na\rb\r\n"
    yield "smuggled", HEAD + b"\r\na\n.\nMAIL FROM:<x@x.example>\r\n"
    yield "smuggled-cr", HEAD + b"\r\na\r\n.\rMAIL FROM:<x@x.example>\r\n"
    yield "no-final-line-end", HEAD + b"\r\nend"
    yield "final-cr", HEAD + b"\r\nend\r"
    yield "final-lf", HEAD + b"\r\nend\n"
    yield "header-without-line-end", HEAD[:-2]
    yield "delimiter-without-line-end", mail[:-2]
    yield "nothing", b""
    yield "one-octet", b"x"
    yield "one-line-end", b"\r\n"


def damaged(count):
    """Sound messages with lines lost, doubled, swapped and octets turned, from a fixed seed."""
    sound = [HEAD + body for name, body in bodies()
             if name in ("signed", "alternative", "preamble-epilogue", "digest", "report", "overlapping", "html", "base64-footer", "levels-20")]
    for number in range(count):
        rng = random.Random(number)
        lines = rng.choice(sound).split(b"\r\n")
        for _ in range(rng.randrange(1, 6)):
            at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
            kind = rng.randrange(4)
            if kind == 0:
                lines[at:at + 1] = []
            elif kind == 1:
                lines[at:at] = [lines[other]]
            elif kind == 2:
                lines[at], lines[other] = lines[other], lines[at]
            else:
                octet = rng.choice([c for c in range(256) if c not in b"\r\n"])
                cut = rng.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:cut] + bytes([octet]) + lines[at][cut + 1:]
            lines = lines or [b""]
        yield f"{number:03}", b"\r\n".join(lines).rstrip(b"\r\n") + b"\r\n"


def messages():
    """All of them, by name, each once."""
    found = {f"header-{name}": head + b"body\r\n" for name, head in headers()}
    found |= {f"body-{name}": HEAD + body for name, body in bodies()}
    odd = [head for name, head in headers() if name in ("no-fields", "mbox-line", "two-content-types", "raw-latin1", "no-blank-line", "no-colon")]
    for number, head in enumerate(odd):
        for name in ("dots", "no-end", "signed", "base64-footer", "parts-5000", "inline-pgp"):
            body = dict(bodies())[name]
            found[f"both-{number}-{name}"] = head.removesuffix(b"\r\n") + b"\r\n" * (not head.strip()) + body
    found |= {f"line-ends-{name}": mail for name, mail in line_ends()}
    found |= {f"damaged-{name}": mail for name, mail in damaged(120)}
    return found


def why_not_data(octets):
    if octets and not octets.endswith(b"\r\n"):
        return "the last line has no CRLF"
    rest = octets.replace(b"\r\n", b"")
    if b"\r" in rest or b"\n" in rest:
        return "a CR or LF stands alone"
    return None


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.eml"):
        stale.unlink()
    for name, octets in messages().items():
        (folder / f"{name}.eml").write_bytes(octets)


if __name__ == "__main__":
    main(sys.argv[1])
