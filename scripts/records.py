# The bytes of a pgtrail log, from FORMAT.md alone: values, records, events, digests, and the files that verify.py reads.
# Python 3.9 or later, standard library only.
import base64, collections, contextlib, datetime, hashlib, ipaddress, itertools, json, os, re, struct, sys

def fields(words):
    return [(name, kind or "text") for name, _, kind in (word.partition(":") for word in words.split())]

OIDS = {"text": 25, "uuid": 2950, "smallint": 21, "int": 23, "bigint": 20, "bytea": 17, "timestamptz": 1184, "inet": 869, "jsonb": 3802, "text[]": 1009}
IDENTITY = fields("identity_salt:uuid actor_id actor_name actor_email ip_address:inet user_agent session_id device_id")
CONTENT = fields("content_salt:uuid resource_id resource_name namespace description error_message request_path request_id correlation_id"
                 " request_params:jsonb before_state:jsonb after_state:jsonb details:jsonb tags:text[] signature")
PLACE = fields("hash_version:smallint organization_id lane:smallint seq:bigint previous_hash:bytea")
DIGESTS = fields("identity_digest:bytea content_digest:bytea")
FRAME = fields("occurred_at:timestamptz recorded_at:timestamptz id:uuid external_id external_number:bigint source project_id event_type category"
               " action severity outcome status_code:int actor_type actor_role resource_type request_method data_classification"
               " data_size_bytes:bigint retention_policy compliance_tags:text[] event_version processing_latency_ms:int")
ACT = fields("hash_version:smallint organization_id seq:bigint previous_hash:bytea kind parameters:jsonb digest:bytea recorded_at:timestamptz"
             " session_user_name client_address:inet transaction_id:bigint system_identifier:bigint timeline:int")
GENESIS, HEAD = fields("log_id:uuid organization_id lane:smallint"), fields("organization_id lane:smallint seq:bigint hash:bytea")
LOSS = fields("organization_id lane:smallint kept_seq:bigint lost_seq:bigint hash:bytea")

PURGE = fields("organization_id lane:smallint ranges hashes:bytea events:bigint oldest_occurred_at:timestamptz newest_occurred_at:timestamptz"
               " oldest_recorded_at:timestamptz newest_recorded_at:timestamptz")

ARCHIVE_KIND = fields("organization_id data_classification event_type retention_policy compliance_tags:text[] events:bigint"
                      " oldest_occurred_at:timestamptz newest_occurred_at:timestamptz")

HOLD = fields("case_id organization_id actor_id resource_type resource_id correlation_id event_type since:timestamptz until:timestamptz"
              " expires_at:timestamptz")
HELD = fields("act_seq:bigint digest:bytea")

# Values and records

def micros(text):
    if text.endswith("infinity"):
        return -(2**63) if text[0] == "-" else 2**63 - 1
    found = re.fullmatch(r"(\d+)-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:\+00|Z)( BC)?", text)
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    cycle, year = divmod(1 - year if found[8] else year, 400)  # the calendar repeats itself every 400 years of 146097 days
    days = datetime.date(2000 + year, month, day).toordinal() - datetime.date(2000, 1, 1).toordinal() + (cycle - 5) * 146097
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + int((found[7] or "0").ljust(6, "0"))

def elements(text):
    """Of an array as text, in row-major order; None is null."""
    tokens = re.findall(r'[{}]|"(?:[^"\\]|\\.)*"|[^{},"]+', re.sub(r"^(\[-?\d+:-?\d+\])+=", "", text), re.S)
    return [None if token == "NULL" else re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.S) if token[0] == '"' else token for token in tokens if token not in "{}"]

def array(text):
    bounds, body = re.fullmatch(r"(?:((?:\[-?\d+:-?\d+\])+)=)?(.*)", text, re.S).groups()
    depth, opened, items = 0, collections.Counter(), elements(body)
    for token in re.findall(r'[{}]|"(?:[^"\\]|\\.)*"', body, re.S):
        if token in "{}":
            depth += 1 if token == "{" else -1
            opened[depth] += token == "{"
    counts = [*(opened[level] for level in range(1, max(opened) + 1)), len(items)]
    lengths = [inner // outer for outer, inner in zip(counts, counts[1:])] if items else []
    lower = [int(bound) for bound in re.findall(r"\[(-?\d+):", bounds or "")] or [1] * len(lengths)
    head = [len(lengths), None in items, OIDS["text"], *itertools.chain(*zip(lengths, lower))]
    return struct.pack(f">{len(head)}i", *head) + b"".join(sized(item if item is None else item.encode()) for item in items)

def inet(text):
    address = ipaddress.ip_interface(text)
    return bytes([2 if address.version == 4 else 3, address.network.prefixlen, 0, len(address.packed)]) + address.packed

def sized(data):
    return struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data

def packed(form, parse=int):
    return lambda text: struct.pack(form, parse(text))

def unhex(text):
    return None if text is None else bytes.fromhex(text.replace("\\x", "").replace("-", ""))

ENCODERS = {"text": str.encode, "uuid": unhex, "bytea": unhex, "inet": inet, "text[]": array, "jsonb": lambda text: b"\1" + text.encode(),
            "smallint": packed(">h"), "int": packed(">i"), "bigint": packed(">q"), "timestamptz": packed(">q", micros)}

def record(tag, row, columns):
    parts = [struct.pack(">ii", len(columns) + 1, OIDS["text"]), sized(tag.encode())]
    for name, kind in columns:
        value = row[name]
        parts += [struct.pack(">i", OIDS[kind]), sized(ENCODERS[kind](value) if isinstance(value, str) else value)]
    return b"".join(parts)

def sha256(data):
    return hashlib.sha256(data).digest()

def digest_of(tag, columns, rows):
    rows = sorted(rows, key=lambda row: (row["organization_id"].encode(), int(row["lane"])))
    return sha256(b"".join(record(tag, row, columns) for row in rows))

# An event

def event_record(row):
    digests = {name: unhex(row[name]) for name, _ in DIGESTS}
    for name, tag, columns in (("identity_digest", "pgtrail identity", IDENTITY), ("content_digest", "pgtrail content", CONTENT)):
        if len(digests[name] or b"") != 32:
            digests[name] = sha256(record(tag, row, columns))
    return record("pgtrail event", {**row, **digests}, PLACE + DIGESTS + FRAME)

Event = collections.namedtuple("Event", "seq id previous hash computed version groups recorded_at occurred_at record at")

def read_event(row):
    """None where its place cannot be read. `record` is kept of an event whose hash does not fit it, with the place of seq in it, `at`."""
    if None in (row[name] for name, _ in PLACE) or len(row["previous_hash"]) != 66 or abs(int(row["seq"])) >= 2**53:
        return None
    canonical, hash = event_record(row), unhex(row["hash"]) or b""
    computed, groups = sha256(canonical), []
    for name, tag, columns in (("identity", "pgtrail identity", IDENTITY), ("content", "pgtrail content", CONTENT)):
        stored = unhex(row[f"{name}_digest"])
        # Of each group: its name, the digest that is stored, and of a redacted one that of the present values, and the row.
        groups.append((name, stored, *((None, None) if stored is None else (sha256(record(tag, row, columns)), row))))
    return Event(int(row["seq"]), row["id"], unhex(row["previous_hash"]), hash, computed, row["hash_version"], groups, micros(row["recorded_at"] or "-infinity"),
                 micros(row["occurred_at"] or "-infinity"), None if hash == computed else canonical, 61 + len(row["organization_id"].encode()))

def no_place(row):
    """The evidence of a row without a place: its record with zeros for the digests."""
    zeros = {name: bytes(32) for name, _ in DIGESTS}
    return "no place " + sha256(record("pgtrail event", {**row, **zeros}, PLACE + DIGESTS + FRAME)).hex()

def bounds(text):
    """Since and until of a partition; None of the one that is DEFAULT."""
    found = re.fullmatch(r"(?:FOR VALUES|DETACHED) FROM \('?(.*?)'?\) TO \('?(.*?)'?\)", text)
    return found and (-(2**63) if found[1] == "MINVALUE" else micros(found[1]), 2**63 if found[2] == "MAXVALUE" else micros(found[2]))

# Step 5: the events by chain. Found are those that have no place, or stand in a partition where they must not.
def read_events(rows, partitions, add):
    attached = [bounds(row["bound"]) for row in partitions if row["bound"].startswith("FOR VALUES")]
    partitions = {row["partition"]: bounds(row["bound"]) for row in partitions}
    chains, organizations, count = collections.defaultdict(list), set(), 0
    for count, row in enumerate(rows, 1):
        partition, event = row["partition"], read_event(row)
        organizations.add(row["organization_id"])
        if event is None:
            add("altered", f"a row of {partition} has no place in any chain: its chain columns were changed", evidence=no_place(row))
            continue
        chains[row["organization_id"], row["lane"]].append(event)
        own = partitions.get(partition)
        inside = any(since <= event.occurred_at < until for since, until in ([own] if own else attached))
        if partition in partitions and inside != bool(own):
            add("out_of_bounds", f"event {event.seq} stands in {partition}, whose bounds it is outside of: queries by time do not find it",
                row["organization_id"], row["lane"], event.seq, event.id, None, f"out of bounds {partition} {event.computed.hex()}")
    return chains, organizations, count

# The folder, and what stands beside it

TABLES = {"chain_head": HEAD, "verified_head": HEAD, "act": ACT + fields("hash"), "setting": fields("name value"),
          "event": fields("partition") + IDENTITY + CONTENT + PLACE + DIGESTS + FRAME + fields("hash"), "partition": fields("partition bound"),
          "log": fields("log_id incarnation created_at"), "incarnation": fields("number log_id reason opened_at act_seq checkpoint"),
          "loss": fields("incarnation") + LOSS, "act_signature": fields("organization_id seq signature"),
          "organization_reader": fields("role_name organization_id"),
          "purge": fields("act_seq") + PURGE + fields("restored_seq"), "archive_kind": fields("act_seq kind") + ARCHIVE_KIND,
          "archive": fields("act_seq name location partition_name since until events bytes manifest oldest_occurred_at newest_occurred_at"
                            " restored_seq removed_seq"), "hold": fields("act_seq") + HOLD + fields("released_seq salt:uuid cleared_seq"),
          "retention_rule": fields("act_seq kind name organization_id data_classification event_type compliance_tag keep_days"
                                   " archive_after_days counts_from counts_until ended_seq"),
          "detached_partition": fields("name since until act_seq"),
          "redaction_entry": fields("organization_id lane:smallint seq:bigint group_name number:smallint fields:text[] old_digest:bytea new_digest:bytea"),
          "redaction": fields("organization_id lane:smallint block:bigint entries:bigint digest:bytea"),
          "subject_rule": fields("act_seq kind event_type resource_type path data_classification compliance_tag ended_seq"),
          "subject_restriction": fields("act_seq organization_id kind value number salt:uuid"),
           "migration": fields("number name checksum"), "catalog_object": fields("object definition"), "catalog": fields("object definition")}

def read(path, columns, lines=None):
    """The rows of a file, or of its lines where somebody else has opened it."""
    def unescape(cell):
        special = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
        return re.sub(r"\\(.)", lambda found: special.get(found[1], found[1]), cell) if "\\" in cell else cell
    with open(path, encoding="utf-8", newline="\n") if lines is None else contextlib.nullcontext(lines) as lines:
        for line in lines:
            cells = line.removesuffix("\n").split("\t")
            if len(cells) != len(columns):
                raise ValueError(f"{path} has a line of {len(cells)} columns instead of {len(columns)}")
            yield {name: None if cell == "\\N" else unescape(cell) for (name, _), cell in zip(columns, cells)}

Anchor = collections.namedtuple("Anchor", "name log_id incarnation act time heads")
Known = collections.namedtuple("Known", "seq hash by time back")
Purged = collections.namedtuple("Purged", "first last before hash")

def read_purge(row):
    """The ranges of a record; None of one that pgtrail does not make."""
    hashes, bounds = unhex(row["hashes"]), [int(bound) for bound in re.findall(r"\d+", row["ranges"])]
    ranges = list(zip(bounds[::2], bounds[1::2]))
    if (not re.fullmatch(r"\{(\[\d{1,16},\d{1,16}\)[,}])+", row["ranges"]) or len(hashes) != 64 * len(ranges)
            or bounds[0] < 1 or bounds[-1] >= 2**53 or sum(end - first for first, end in ranges) > int(row["events"])):
        return None
    return [Purged(first, end - 1, hashes[at:at + 32], hashes[at + 32:at + 64]) for at, (first, end) in zip(range(0, len(hashes), 64), ranges)]

def read_checkpoint(path):
    """A checkpoint, whose signature is not looked at, and the list of heads beside it."""
    with open(path, encoding="utf-8", newline="\n") as file:
        body = re.match(r"pgtrail/(.*)/(\d+)\n(\d+)\n(.*)\nlanes (\d+)\nact (?:none|(\d+) (.*))\ntime (.*)\n\n\u2014 ", file.read())
    heads = [{**row, "hash": "\\x" + row["hash"]} for row in read(f"{path}.heads", HEAD)]
    events = sum(int(head["seq"]) for head in heads)
    if not body or digest_of("pgtrail head", HEAD, heads) != base64.b64decode(body[4]) or (events, len(heads)) != (int(body[3]), int(body[5])):
        sys.exit(f"verify.py: {path} is no checkpoint, or {path}.heads are not its heads")
    return Anchor(f"checkpoint {os.path.basename(path)}", body[1], int(body[2]), body[6] and (int(body[6]), base64.b64decode(body[7])),
                  micros(body[8]), heads)

def word(value):
    """Text or a number of the parameters of an act, as text; anything else is nothing."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int) and not isinstance(value, bool) else ""

# Digests that acts have

def act_genesis(log_id):
    return sha256(record("pgtrail act genesis", {"log_id": log_id}, GENESIS[:1]))

def catalog_digest(rows):
    rows = sorted(rows, key=lambda row: row["object"].encode())
    return sha256("".join(f"{row['object']}\n{row['definition']}\n" for row in rows).encode())

# The test vectors

def check_vectors(path):
    """What of the test vectors this file encodes otherwise."""
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    log_id, null = {"log_id": vectors["log_id"]}, dict.fromkeys(name for name, _ in ACT + TABLES["event"])
    checks = [(value, ENCODERS[value["type"]](value["text"]), value["bytes"]) for value in vectors["values"]]
    checks += [(one, record("pgtrail genesis", {**log_id, **one}, GENESIS), one["record"]) for one in vectors["genesis"]]
    checks += [(one, sha256(bytes.fromhex(one["record"])), one["hash"]) for one in [*vectors["genesis"], vectors["act_genesis"]]]
    checks += [(vectors["act_genesis"], act_genesis(vectors["log_id"]), vectors["act_genesis"]["hash"])]
    checks += [(act, record("pgtrail act", {**null, **act["row"]}, ACT), act["record"]) for act in vectors["acts"]]
    checks += [(act, sha256(bytes.fromhex(act["record"])), act["row"]["hash"]) for act in vectors["acts"]]
    for event in vectors["events"]:
        row = {**null, **event["row"]}
        checks += [(event, event_record(row), event["event_record"]), (event, sha256(event_record(row)), row["hash"])]
        checks += [(event, record(f"pgtrail {group}", row, columns), event[f"{group}_record"])
                   for group, columns in (("identity", IDENTITY), ("content", CONTENT)) if row[f"{group}_digest"] is None]
    checks += [("heads", digest_of("pgtrail head", HEAD, vectors["heads"]["rows"]), vectors["heads"]["digest"]),
               ("catalog", catalog_digest(vectors["catalog"]["rows"]), vectors["catalog"]["digest"])]
    wrong = [what for what, found, wanted in checks if found.hex() != wanted.removeprefix("\\x")]
    return {"verdict": "tampered" if wrong else "intact", "checked": len(checks), "wrong": wrong}
