"""Heads of HTTP messages as they are on the wire."""

LINE_END = b"\r\n"
HEAD_END = 2 * LINE_END


class Headers(dict):
    """Header fields by lower case name; several lines of one name are joined with ", "."""

    @classmethod
    def parse(cls, lines):
        headers = cls()
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return headers

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __contains__(self, name):
        return super().__contains__(name.lower())

    def get(self, name, default=None):
        return super().get(name.lower(), default)


class Head:
    """The first line, and the header fields."""

    def __init__(self, raw):
        self.raw = raw
        self.first_line, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        self.headers = Headers.parse(lines)
        self._lines = lines

    def values(self, name):
        """The values of this name's lines, one for each."""
        return [line.partition(":")[2].strip() for line in self._lines
                if line.lower().startswith(f"{name.lower()}:")]


def head_bytes(first_line, headers):
    lines = [first_line, *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1") + HEAD_END
