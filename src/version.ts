import { readFileSync } from 'node:fs'

interface PackageFile {
  readonly version: string
}

function readVersion(folder: URL): string {
  try {
    const file = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as PackageFile
    return file.version
  } catch {
    const above = new URL('..', folder)
    if (above.href === folder.href) throw new Error('package.json was not found')
    return readVersion(above)
  }
}

/** Of Countersign, as package.json says. */
export const VERSION = readVersion(new URL('.', import.meta.url))
