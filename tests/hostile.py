"""Requests of somebody who means no good, the same ones each time."""

# ruff: noqa: RUF001

from __future__ import annotations

import base64
import io
import json
import random
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, quote_from_bytes

from PIL import Image

Header = tuple[bytes, bytes]

_PATHS = (
    "../../etc/passwd", "/etc/passwd", "images/../jobs", "jobs/{task}/request.json", ".incoming/a",
    "jobs/{task}/end.json", "jobs/{task}/steps/photo.json", "open/{task}.json", "images//{image}",
    "records/patient/{patient}.json", "by-patient/{patient}/visualization/{task}", "images/.",
    "records/cost_breakdown/{costs}.json", "visualizations/{task}-after.png/x", "exports",
    "visualizations/{task}", "visualizations/{task}-after.PNG", "comparisons/{task}/../x.png",
)  # fmt: skip
_STRANGE_IDS = (
    "..", ".", "%2e%2e", "..%2f..%2fetc%2fpasswd", "..\\..\\windows", "a\0b", "\0", "\n", " ", "-",
    "null", "None", "undefined", "0", "-1", "*", "{task_id}", "a/b", "//", "💉", "ｆ", "\u202e",
    "é" * 200, "a" * 129, "a" * 8000, "a..b", ".hidden", "CON", "a;b", "a?b", "a#b", "'; DROP--",
    "<script>", "${jndi:ldap://x}", "%00", "%", "%zz", "\ud83d", "𝟘", "١٢", "a\r\nSet-Cookie: a=b",
)  # fmt: skip
_STRANGE_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**400, float("nan"), float("inf"), "", [], {}, [[]], ["a"] * 3000,
    {"a": {"b": {}}}, "a" * 100_000, "\0", "\ud800", "../..", [None], {"$ne": None}, 2**63, "1e999",
)  # fmt: skip
_RANGES = (
    "bytes=0-", "bytes=-1", "bytes=-0", "bytes=0-0", "bytes=9-2", "bytes=0-1,0-1", "bytes=",
    "bytes=99999999999999999999-", "bytes=-99999999999999999999", "bytes=--1", "bytes=a-b", "x",
    "bytes=0-" + "9" * 5000, "bytes=" + "0-1," * 3000 + "0-1", "bytes=0-1-2", "lines=0-1", "bytes",
    "bytes=١-٢", "bytes =0-1", "bytes=0 - 1", "BYTES=0-1", "bytes=5-5,", "bytes=1-1;q=1", "\x00",
)  # fmt: skip
_PREFERENCES = (
    "wait", "wait=", "wait=-1", "wait=0", "wait=1e9", "wait=999999", "wait=9999999999", "wait=x",
    "respond-async", "wait=1;wait=2", '"', "wait=\0", "a" * 5000, "," * 199, "WAIT=0", "wait= 0",
)  # fmt: skip
_EVENT_IDS = (
    "", "-", "a-", "-1", "a-1", "a--1", "a-99999999999999999999", "a-١", "a" * 5000, "\0", "a-1e3",
)  # fmt: skip
_METHODS = ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "CONNECT", "PROPFIND", "get", "")
_TYPES = (
    "application/json", "application/json; charset=utf-16", "text/plain", "application/xml", "",
    "application/x-www-form-urlencoded", "multipart/form-data", "application/json;" + "a" * 5000,
    "multipart/form-data; boundary=", "application/problem+json", "application/json, text/html",
)  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """One request; for a WebSocket the method is ``WEBSOCKET``."""

    user: str
    method: str
    path: str
    query: bytes = b""
    headers: tuple[Header, ...] = ()
    body: tuple[bytes, ...] = ()
    # The id of the first user's that it is after, if it names one as it is.
    after: str | None = None


@dataclass
class Attacker:
    """Make requests against the API mounted under ``/api``.

    Args:
        seed: the same one gives the same requests.
        victim: ids of the first user's by kind: task, image, patient, costs, file.
        own: ids of the attacker's own, by the same kinds.
        photo: a photo that would be taken.
    """

    seed: int
    victim: Mapping[str, list[str]]
    own: Mapping[str, list[str]]
    photo: bytes
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def requests(self, count: int) -> Iterator[Hostile]:
        """Yield `count` requests."""
        kinds = (self.task, self.live, self.file, self.submission, self.image)
        for _ in range(count):
            yield self.random.choice(kinds)()

    def task(self) -> Hostile:
        id, after = self.id("task")
        what, method = self.random.choice(
            [("status", "GET"), ("result", "GET"), ("cancel", "POST"), ("nothing", "GET")]
        )
        return self.request(method, f"/api/tasks/{id}/{what}", after=after)

    def live(self) -> Hostile:
        id, after = self.id("task")
        headers = [(b"last-event-id", self.text(_EVENT_IDS))]
        if self.random.random() < 0.5:
            return self.request("GET", f"/api/tasks/{id}/events", headers, after=after)
        return self.request("WEBSOCKET", f"/api/ws/tasks/{id}", headers, after=after)

    def file(self) -> Hostile:
        id, after = self.id("file")
        headers = [(b"range", self.text(_RANGES))]
        if self.random.random() < 0.3:
            headers.append((b"if-none-match", self.text(("*", '"', 'W/"a"', '"a",' * 2000, "\0"))))
            headers.append((b"if-range", self.text(("*", '"a"', "Thu, 01 Jan 1970 00:00:00 GMT"))))
        query = b""
        if self.random.random() < 0.3:
            expires = self.random.choice([b"0", b"-1", b"99999999999", b"9" * 400, b"NaN", b"1e9"])
            signature = self.random.choice([b"", b"0" * 64, b"%00", b"%F0%9F%92%89", b"a" * 5000])
            query = b"expires=" + expires + b"&signature=" + signature
        return self.request("GET", f"/api/files/{id}", headers, query=query, after=after)

    def submission(self) -> Hostile:
        path, fields = self.random.choice(
            [self.visualization, self.comparison, self.export, self.infographic]
        )()
        headers = [
            (b"content-type", self.text(_TYPES) if self.random.random() < 0.2 else _JSON),
            (b"prefer", self.text(_PREFERENCES)),
        ]
        if self.random.random() < 0.3:
            keys = ("", "a" * 201, "a" * 200, "k", "é", "\0", "💉", "annas-key")
            headers.append((b"idempotency-key", self.text(keys)))
        if self.random.random() < 0.1:
            headers.append((b"content-length", self.text(("0", "1", "-1", "9" * 30, "x"))))
        query = self.random.choice([b"", b"async_processing=" + self.bytes(_FLAGS)])
        body = self.encoded(self.changed(fields))
        request = self.request("POST", path, headers, query=query)
        return replace(request, body=self.chunks(body), after=self.named_in(body))

    def visualization(self) -> tuple[str, dict[str, Any]]:
        image, patient = self.id("image", quoted=False)[0], self.id("patient", quoted=False)[0]
        body = {"image_id": image, "procedure_id": "rhinoplasty", "patient_id": patient}
        return "/api/visualizations", body

    def comparison(self) -> tuple[str, dict[str, Any]]:
        image = self.id("image", quoted=False)[0]
        body = {"source_image_id": image, "procedure_ids": ["rhinoplasty", "facelift"]}
        return "/api/comparisons", body

    def export(self) -> tuple[str, dict[str, Any]]:
        chosen = {
            "visualization_ids": self.victim["task"], "comparison_ids": self.victim["task"],
            "cost_breakdown_ids": self.victim["costs"], "format": "json", "shareable": False,
        }  # fmt: skip
        some = self.random.sample(sorted(chosen), self.random.randint(0, len(chosen)))
        patient = self.id("patient", quoted=False)[0]
        body = {"patient_id": patient, "format": "json", **{name: chosen[name] for name in some}}
        return "/api/exports", body

    def infographic(self) -> tuple[str, dict[str, Any]]:
        return "/api/cost-infographics", {"cost_breakdown_id": self.id("costs", quoted=False)[0]}

    def named_in(self, body: bytes) -> str | None:
        """Return an id of the victim's that a body names, read as a server would."""
        try:
            named = set(_texts(json.loads(body)))
        except (ValueError, RecursionError):
            return None
        victims = (id for ids in self.victim.values() for id in ids)
        return next((id for id in victims if id in named), None)

    def image(self) -> Hostile:
        boundary = self.random.choice([b"x", b"", b"a" * 300, b"\xff", b"--", b'"x"', b"x; x"])
        kind = b"multipart/form-data; boundary=" + boundary
        if self.random.random() < 0.1:
            kind += self.bytes(("; charset=nothing", "; boundary=y", ";", "; charset=utf-16"))
        body = self.form(boundary)
        headers = [(b"content-type", kind)]
        if self.random.random() < 0.2:
            headers.append((b"content-length", self.text(("0", "5", "-1", "9" * 30, "x"))))
        request = self.request("POST", "/api/images", headers)
        return replace(request, body=self.chunks(body))

    def form(self, boundary: bytes) -> bytes:
        part = b"--" + boundary + b'\r\nContent-Disposition: form-data; name="photo"; filename="%s"'
        names = (b"a.png", b"../../a", b"\0", b"\xff", b"a" * 5000, b'a"; name="b', b"")
        head = part % self.random.choice(names) + b"\r\n\r\n"
        end = b"\r\n--" + boundary + b"--\r\n"
        picture = self.picture()
        return self.random.choice(
            [
                head + picture + end,
                head + picture,
                (head + b"a" + b"\r\n") * 300 + end,
                head.replace(b"\r\n\r\n", b"\r\nX: " + b"a" * 100_000 + b"\r\n\r\n")
                + picture
                + end,
                head.replace(b"\r\n\r\n", b"\r\nX: a" * 2000 + b"\r\n\r\n") + picture + end,
                head.replace(b"\r\n", b"\n") + picture + end.replace(b"\r\n", b"\n"),
                head.replace(b"photo", b"other") + picture + end,
                head.replace(b"form-data", b"attachment") + picture + end,
                head.replace(b"Content-Disposition", b"Content-Nothing") + picture + end,
                b"",
                end,
                b"\r\n" * 1000 + head + picture + end,
                bytes(self.random.randbytes(500)),
            ]
        )

    def picture(self) -> bytes:
        return self.random.choice(
            [
                self.photo,
                self.photo[: len(self.photo) // 2],
                self.photo[:20] + self.random.randbytes(200),
                _BOMB,
                _TALL_BOMB,
                b"GIF89a" + bytes(100),
                b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
                b"%PDF-1.4",
                b"",
                self.random.randbytes(100),
            ]
        )

    def request(
        self,
        method: str,
        path: str,
        headers: list[Header] | None = None,
        *,
        query: bytes = b"",
        after: str | None = None,
    ) -> Hostile:
        if self.random.random() < 0.05 and method != "WEBSOCKET":
            method = self.random.choice(_METHODS)
        more = list(headers or ())
        if self.random.random() < 0.1:
            hosts = ("evil.example", "a:b", "[::1", "", "a b", "é", "a" * 5000, "user@host", "//x")
            more.append((b"host", self.text(hosts)))
        if self.random.random() < 0.1:
            names = (b"x-forwarded-host", b"x-forwarded-proto", b"x-user", b"cookie", b"accept")
            more.append((self.random.choice(names), self.text(_STRANGE_IDS)))
        user = self.random.choices(["bob", "nobody", "forger", "anna"], [70, 10, 10, 10])[0]
        if self.random.random() < 0.05:
            query += b"&token=" + quote_from_bytes(self.text(_STRANGE_IDS)).encode()
        return Hostile(user, method, path, query, tuple(more), after=after)

    def id(self, kind: str, *, quoted: bool = True) -> tuple[str, str | None]:
        """Return an id, and the victim's that it is, if it is one."""
        if not quoted and self.random.random() < 0.4:
            return self.random.choice(self.own[kind]), None
        choice = self.random.random()
        victims = self.victim[self.random.choice([kind, kind, kind, *self.victim])]
        one = self.random.choice(victims)
        after = None
        if choice < 0.35:
            id, after = one, one
        elif choice < 0.5:
            id = self.random.choice(self.own[kind])
        elif choice < 0.7:
            id = self.near(one)
        elif choice < 0.85:
            id = self.stored()
        else:
            id = self.random.choice(_STRANGE_IDS)
        if not quoted:
            return id, after
        if self.random.random() < 0.05:
            return quote(quote(id.encode("utf-8", "surrogatepass"), safe=""), safe=""), None
        return quote(id.encode("utf-8", "surrogatepass"), safe=""), after

    def near(self, id: str) -> str:
        """Return what is nearly an id."""
        return self.random.choice(
            [
                id.upper(), id[:-1], id + "=", id + "==", id + "\n", id + " ", " " + id, id + ".",
                id + "\0", id + "/", "./" + id, id + "/.", id + "?", id[::-1], id + id, id + "/x",
                id.replace("-", ""), "{" + id + "}", "urn:uuid:" + id, id + ".json", "../" + id,
            ]
        )  # fmt: skip

    def stored(self) -> str:
        """Return the id that a path in the store would have as a file."""
        path = self.random.choice(_PATHS).format(
            **{kind: self.random.choice(ids) for kind, ids in self.victim.items()}
        )
        return base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")

    def changed(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return a body with something wrong in it, most of the time."""
        choice = self.random.random()
        name = self.random.choice(sorted(body))
        if choice < 0.4:
            return {**body, name: self.random.choice(_STRANGE_VALUES)}
        if choice < 0.5:
            return {**body, "Jane Roe \ud800": "1980-01-01", "__proto__": {}}
        if choice < 0.55:
            return {key: value for key, value in body.items() if key != name}
        if choice < 0.6:
            return {**body, **{f"extra{n}": n for n in range(500)}}
        return body

    def encoded(self, body: dict[str, Any]) -> bytes:
        text = json.dumps(body)
        raw = text.encode()
        return self.random.choices(
            [
                raw,
                raw[: self.random.randrange(len(raw))],
                b"[" * 100_000,
                b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
                b"[" + raw + b"]",
                text.encode("utf-16"),
                b"\xef\xbb\xbf" + raw,
                b"\xff\xfe" + raw,
                raw[:-1] + b', "patient_id": "' + self.own["patient"][0].encode() + b'"}',
                b'{"patient_id": ' + b"1" * 10_000 + b"}",
                raw + raw,
                b"",
                b"null",
                b"NaN",
                raw[:-1] + b', "a": "' + b"a" * 400_000 + b'"}',
            ],
            [30, 5, 1, 1, 2, 2, 2, 2, 3, 2, 2, 2, 2, 2, 1],
        )[0]  # fmt: skip

    def chunks(self, body: bytes) -> tuple[bytes, ...]:
        if len(body) < 300 and self.random.random() < 0.1:
            return tuple(body[n : n + 1] for n in range(len(body)))
        if self.random.random() < 0.1:
            return tuple(body[n : n + 65_536] for n in range(0, len(body), 65_536))
        return (body,)

    def text(self, choices: tuple[str, ...]) -> bytes:
        return self.random.choice(choices).encode("utf-8", "surrogatepass")

    def bytes(self, choices: tuple[str, ...]) -> bytes:
        return quote(self.random.choice(choices)).encode()


_JSON = b"application/json"
_FLAGS = ("true", "false", "", "maybe", "0", "\0", "false&async_processing=true", "é", "a" * 5000)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _png(width: int, height: int, pixels: bytes) -> bytes:
    """Return a PNG that says it is of a size, whatever its pixels are."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


_BOMB = _png(65_000, 65_000, zlib.compress(bytes(1_000_000)))
_TALL_BOMB = _png(101, 60_000, zlib.compress(bytes(100_000)))


def small_photo() -> bytes:
    """Return a photo that is quickly taken."""
    file = io.BytesIO()
    Image.new("RGB", (120, 120), "tan").save(file, "JPEG")
    return file.getvalue()
