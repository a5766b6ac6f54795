"""Reads the files of an export with Python's own parsers, and compares every value with those that the server wrote."""
import csv
import json
import sys
import xml.etree.ElementTree as ElementTree


def csv_rows(path, columns):
    csv.field_size_limit(1 << 30)
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        assert next(rows) == columns, "another heading"
        # The module does not tell nothing between two commas from "".
        yield from rows


def ndjson_rows(path, columns):
    def plain(line, column, value):
        # A document keeps the text that it has in the line: numbers may be larger than any of Python's floats. Its null is one.
        if column not in documents and (value is None or column not in arrays):
            return value
        return Raw(line).of(column)

    documents = {"details", "request_params", "before_state", "after_state"}
    arrays = {"tags", "compliance_tags"}
    with open(path, newline="\n", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            # Of a document that is not there the member is not there.
            assert list(row) == [column for column in columns if column in row or column not in documents], "other members"
            yield [plain(line, column, row[column]) if column in row else None for column in columns]


class Raw:
    """The text of one member of a line, cut by Python's own decoder."""

    def __init__(self, line):
        self.members = {}
        decoder, at = json.JSONDecoder(), 1
        while line[at] != "}":
            key, at = decoder.raw_decode(line, at)
            _, end = decoder.raw_decode(line, at + 1)
            self.members[key] = line[at + 1 : end]
            at = end + 1 if line[end] == "," else end

    def of(self, column):
        return self.members[column]


def xml_rows(path, columns):
    for event in ElementTree.parse(path).getroot():
        values = {}
        for element in event:
            text = element.text or ""
            values[element.tag] = json.loads(text) if element.get("encoding") == "json" else text
        yield [values.get(column) for column in columns]


form, expected, *files = sys.argv[1:]
with open(expected, encoding="utf-8") as source:
    given = json.load(source)
columns = given["columns"]
found = [list(row) for file in files for row in {"csv": csv_rows, "ndjson": ndjson_rows, "xml": xml_rows}[form](file, columns)]
assert len(found) == len(given["rows"]), f"{len(found)} events, and {len(given['rows'])} on the server"
for number, (here, there) in enumerate(zip(found, given["rows"])):
    for column, value, stored in zip(columns, here, there):
        if form == "csv" and stored is None:
            stored = ""
        if value != stored:
            print(f"event {number}, {column}: {value!r:.200}, and {stored!r:.200} on the server")
            sys.exit(1)
print(f"same: {len(found)} events")
