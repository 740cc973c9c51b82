import { hash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRoot, ownFolder, reachableByNobody } from './postgres-binaries.ts'

/**
 * Where the demo's database lies: in its own folder; for root, whose folders PostgreSQL's user often
 * can't enter, in one of the system's temporary folder that always is the same for the same demo.
 */
export function clusterFolder(folder: string): string {
  if (!isRoot() || reachableByNobody(folder)) return folder
  const name = `countersign-demo-${hash('sha256', folder, 'hex').slice(0, 16)}`
  return ownFolder(join(tmpdir(), name))
}
