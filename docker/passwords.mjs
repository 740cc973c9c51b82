// Makes a password in each file that is named, where there is none yet. Only what mounts the volume
// that the file is on can read it, each image as a user of its own.

import { randomBytes } from 'node:crypto'
import { existsSync, renameSync, writeFileSync } from 'node:fs'

for (const path of process.argv.slice(2)) {
  if (existsSync(path)) continue
  // Under another name first, so that an interrupted start leaves no half of a password.
  const partial = `${path}.new`
  writeFileSync(partial, randomBytes(24).toString('base64url'), { mode: 0o444, flush: true })
  renameSync(partial, path)
}
