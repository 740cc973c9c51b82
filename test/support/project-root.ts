import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

function findRoot(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findRoot(dirname(folder))
}

/** The folder that holds package.json, wherever the compiled test lies. */
export const projectRoot = findRoot(dirname(fileURLToPath(import.meta.url)))
