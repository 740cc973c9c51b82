import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { ApiError } from '../api-error.ts'

/** The files that a browser loads, served as they lie in `assets/`. */
const FILES = {
  'inbox.css': 'text/css; charset=utf-8',
  'inbox.js': 'text/javascript; charset=utf-8',
  'countdown.js': 'text/javascript; charset=utf-8',
  'decide.js': 'text/javascript; charset=utf-8',
  'keys.js': 'text/javascript; charset=utf-8',
  'live.js': 'text/javascript; charset=utf-8',
  'swap.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const
export type AssetName = keyof typeof FILES

/** The browser's files under an address that changes with their content, so they may be kept for good. */
export class Assets {
  readonly #contents: ReadonlyMap<string, Buffer>
  readonly #version: string

  /** Throws where a file is missing. */
  constructor(folder = assetsFolder()) {
    const names = Object.keys(FILES)
    this.#contents = new Map(names.map((name) => [name, readFileSync(join(folder, name))]))
    const hash = createHash('sha256')
    for (const content of this.#contents.values()) hash.update(`${content.length}:`).update(content)
    this.#version = hash.digest('hex').slice(0, 12)
  }

  /** The address of a file. */
  at(name: AssetName): string {
    return `/inbox/assets/${this.#version}/${name}`
  }

  routes(server: FastifyInstance): void {
    server.get('/inbox/assets/:version/:name', async (request, reply) => {
      const { version, name } = request.params as { version: string; name: string }
      const content = version === this.#version ? this.#contents.get(name) : undefined
      if (!content) throw new ApiError(404, 'not_found', 'There is no such file.')
      reply.header('cache-control', 'public, max-age=31536000, immutable')
      return reply.type(FILES[name as AssetName]).send(content)
    })
  }
}

/** They aren't compiled: they lie in the source folder, in a clone and in the package alike. */
function assetsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const path = join(folder, 'src', 'control', 'web', 'assets')
    if (existsSync(join(path, 'inbox.css'))) return path
    if (dirname(folder) === folder) throw new Error('src/control/web/assets is missing')
    folder = dirname(folder)
  }
}
