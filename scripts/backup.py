# The rows of a log, out of a folder of COPY text, or out of a backup (FORMAT.md, section 13) whose files are checked on the way.
# Python 3.9 or later, standard library only: what is encrypted with age is not read.
import gzip, hashlib, itertools, json, os, re, zlib
from records import TABLES, micros, read, read_event

LATER = ("organization_reader", "purge", "retention_rule", "hold", "detached_partition", "archive", "archive_kind", "redaction_entry",
         "redaction", "subject_rule", "subject_restriction", "migration")
BESIDE = re.compile(r"(keep|verified-\d{8}T\d{6}Z|[a-z0-9_-]{1,70}\.entry)\.json")
MACHINES = re.compile(r"(?i)(?:^|.*/)(?:\.DS_Store|\._[^/]*|\.nfs[0-9a-f]+|Thumbs\.db|desktop\.ini|@eaDir|#recycle|lost\+found)(?:/.*)?")
CLOCKS_APART = 60 * 10**6  # a clock may be set back meanwhile, and a run may go on with another server of several
FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")

def read_folder(folder):
    """The tables, and the names of those that an older log does not have."""
    older = {name for name in LATER if not os.path.exists(os.path.join(folder, f"{name}.txt"))}
    columns = {**TABLES, **({"purge": TABLES["purge"][:-1]} if "archive" in older else {})}
    files = {name: read(os.path.join(folder, f"{name}.txt"), of) for name, of in columns.items()}
    return {name: rows if name == "event" else [] if name in older else list(rows) for name, rows in files.items()}, older

def read_backup(folder, add):
    """The same out of a backup of a whole log, and its manifest."""
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
        manifest = json.loads(file.read(16 * 2**20), object_pairs_hook=once)
    if manifest["schema"] != "pgtrail.backup/1" or manifest["partition"] or manifest["organization"]:
        raise ValueError("that is no backup of a whole log")
    def wrong(words):
        add("file", words)
    if manifest["name"] != os.path.basename(os.path.abspath(folder)):
        wrong(f"manifest.json is that of {manifest['name']}")
    if micros(manifest["started_at"]) < named_time(manifest) - CLOCKS_APART:
        wrong("manifest.json contradicts itself: it was begun before the time in its name")
    if micros(manifest["finished_at"]) < micros(manifest["started_at"]) - CLOCKS_APART:
        wrong("manifest.json contradicts itself: it was finished before it was begun")
    others = json.dumps({name: value for name, value in manifest.items() if name != "digest"}, ensure_ascii=False, separators=(",", ":"))
    if manifest.get("digest", "") not in ("", hashlib.sha256(others.encode()).hexdigest()):
        wrong("manifest.json was altered: its digest is not that of the rest of it")
    tables = {table["name"]: table for table in manifest["tables"]}
    known = [table["file"] for table in [*manifest["lists"], *manifest["tables"]]]
    for name in strange(folder, {"manifest.json", *(file["name"] for file in known)}):
        wrong(f"{name} does not belong to the backup")
    if any(file["age"] for file in known):
        raise ValueError("it is encrypted")
    whole = {file["name"] for file in known if check_file(folder, file, wrong)}
    def rows(table):
        path = os.path.join(folder, table["file"]["name"])
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            yield from read(path, [(column, None) for column in table["columns"]], lines)
    if len(whole) < len(known):  # nothing can be said of the log, but of each event by itself
        readable = (table for table in tables.values() if table["kind"] != "table" and table["file"]["name"] in whole)
        for row in itertools.chain.from_iterable(map(rows, readable)):
            event = read_event(row)
            if event and event.hash != event.computed:
                add("altered", f"event {event.seq}", row["organization_id"], row["lane"], event.seq, event.id,
                    evidence=f"altered null {(event.previous + event.hash + event.computed).hex()}")
        return None, None, manifest
    found = {name: list(rows(tables[name])) if name in tables else [] for name in TABLES if name not in ("event", "partition", "catalog")}
    parts = [table for table in manifest["tables"] if table["kind"] != "table"]
    found["event"] = itertools.chain.from_iterable(({"partition": named(table), **row} for row in rows(table)) for table in parts)
    found["partition"] = [{"partition": named(table), "bound": bound(table)} for table in parts]
    # There is no catalog: what is described is taken for what is there, but for tables whose files are not.
    found["catalog"] = [row for row in found["catalog_object"] if row["object"] not in ("partition", "detached")
                        and (not re.match("table kind r,", row["definition"]) or row["object"].removeprefix("table ") in tables)]
    return found, {name for name in LATER if name not in tables}, manifest

def strange(folder, known):
    """What nobody of pgtrail put there, however deep; links are not followed."""
    for name in sorted({*os.listdir(folder)} - known):
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            within = [os.path.relpath(os.path.join(at, one), folder) for at, folders, files in os.walk(path)
                      for one in [*files, *(one for one in folders if os.path.islink(os.path.join(at, one)))]]
            yield from (one for one in sorted(within) or [name] if os.path.islink(os.path.join(folder, one)) or not MACHINES.fullmatch(one))
        elif os.path.islink(path) or not (BESIDE.fullmatch(name) or MACHINES.fullmatch(name)):
            yield name

def named_time(manifest):
    parts = re.fullmatch(r"backup-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-f]{6}", manifest["name"]).groups()
    return micros("{}-{}-{} {}:{}:{}+00".format(*parts))

def is_younger(anchor, manifest):
    """What was signed after the backup was begun, by its manifest and by its name, cannot be in it."""
    begun = max(micros(manifest["started_at"]), named_time(manifest))
    return anchor.time > begun and anchor.act is not None and anchor.act[0] > int((manifest["act"] or {"seq": 0})["seq"])

def once(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member stands twice in manifest.json")
    return dict(pairs)

def check_file(folder, file, wrong):
    """Whether it can be read; what differs from the manifest is told. Never more is uncompressed than the manifest says."""
    name, path = file["name"], os.path.join(folder, file["name"])
    if not FILE.fullmatch(name) or os.path.islink(path) or not os.path.isfile(path):
        wrong(f"{name} is missing")
        return False
    lying, text, size, left = hashlib.sha256(), hashlib.sha256(), 0, int(file["text"]["bytes"])
    unzip = zlib.decompressobj(31)
    try:
        with open(path, "rb") as source:
            while chunk := source.read(2**18):
                lying.update(chunk)
                size += len(chunk)
                while chunk and left >= 0 and not unzip.eof:
                    held = unzip.decompress(chunk, 2**20)
                    chunk, left = unzip.unconsumed_tail, left - len(held)
                    text.update(held)
    except zlib.error:
        left = -1
    sound = left == 0 and unzip.eof and not unzip.unused_data
    said = (str(size), lying.hexdigest()) == (file["gzip"]["bytes"], file["gzip"]["sha256"])
    if not (sound and said and text.hexdigest() == file["text"]["sha256"]):
        wrong(f"{name} is not what the manifest says: it was altered or cut off")
    return sound

def named(table):
    name = table["name"]
    return "pgtrail." + (name if re.fullmatch("[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"')

def bound(table):
    if table["kind"] == "partition" and table["since"] is None:
        return "DEFAULT"
    since, until = ("MINVALUE" if time == "-infinity" else "MAXVALUE" if time == "infinity" else f"'{time}'" for time in (table["since"], table["until"]))
    return f"{'FOR VALUES' if table['kind'] == 'partition' else 'DETACHED'} FROM ({since}) TO ({until})"
