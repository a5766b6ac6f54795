// pgtrail embedded start, status and stop, word by word: of a server that runs, of one that does not, and of folders that are none's.
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { replay } from "../cli/transcript.js"
import { freshPlace } from "./fixture.js"

const place = freshPlace()

test("embedded.txt", async () => {
  await place.make()
  const { version } = await place.start()
  const [other, ordinary] = [join(place.folder, "other"), join(place.folder, "file")]
  await mkdir(other)
  await writeFile(join(other, "notes.txt"), "mine")
  await writeFile(ordinary, "mine")
  const file = join(import.meta.dirname, "../cli/embedded.txt")
  const words = (await readFile(file, "utf8")).replace(/--data running\b/g, `--data ${place.dataDir}`)
  const said = await replay(words, { cwd: place.folder })
  const plain = said
    .replaceAll(encodeURIComponent(place.dataDir), "running")
    .replaceAll(place.dataDir, "running")
    .replaceAll(`${place.folder}/`, "")
    .replaceAll(version, "18.N")
    .replace(/("pid": )"\d+"/, '$1"N"')
    // How wide a column is depends on where the folder lies.
    .replace(/ {2,}/g, "  ")
    .replace(/^(stopped {2}running {2})\d+/gm, "$1N")
    .replace(/^(running {2}running {2}18\.N {2})\d+/gm, "$1N")
  await expect(plain).toMatchFileSnapshot(file)
})
