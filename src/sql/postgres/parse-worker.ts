import { parentPort } from 'node:worker_threads'
import { PgQuery, SqlSyntaxError } from './pg-query.ts'
import { type ReadStatement, readText } from './read-text.ts'

/** A statement without its tree, which goes as JSON: a deep tree can't be cloned. */
export type SentStatement = Omit<ReadStatement, 'node'> & { readonly tree: string }

export type WorkerAnswer =
  | {
      readonly kind: 'read'
      readonly statements: readonly SentStatement[]
      readonly ambiguous: boolean
    }
  | { readonly kind: 'syntax-error'; readonly message: string }

const grammar = await PgQuery.load()

function answer(sql: string): WorkerAnswer {
  try {
    const text = readText(grammar, sql, Buffer.from(sql))
    const statements = text.statements.map(({ node, ...rest }) => ({
      ...rest,
      tree: JSON.stringify(node),
    }))
    return { kind: 'read', statements, ambiguous: text.ambiguous }
  } catch (error) {
    // Anything else ends this thread, and with it a grammar that can't be trusted any more.
    if (error instanceof SqlSyntaxError) return { kind: 'syntax-error', message: error.message }
    throw error
  }
}

// Loading the grammar is not part of reading a text.
parentPort?.postMessage('ready')
parentPort?.on('message', (sql: string) => parentPort?.postMessage(answer(sql)))
