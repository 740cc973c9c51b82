import type { Analysis } from './analysis.ts'
import { anyNode, type Body, bodyOf, listOf, namesOf, textOf } from './ast.ts'
import { objectWords } from './effects.ts'
import { type Judged, judged, noteRelation, noteTables, type Surroundings } from './judged.ts'
import { notesCopy } from './writes.ts'

export function createTableAs(analysis: Analysis, body: Body, around: Surroundings): Judged {
  const { findings } = analysis
  const into = (body.into ?? {}) as Body
  const rel = (into.rel ?? {}) as Body
  const name = textOf(rel.relname)
  const verb = `CREATE ${objectWords(body.objtype)} AS`
  findings.effect('ddl', `${verb} creates ${name}`)
  const temporary = rel.relpersistence === 't'
  if (temporary) findings.connectionBound = true
  const named = typeof rel.schemaname === 'string' ? rel.schemaname : null
  const schema = temporary ? 'pg_temp' : named
  const inner = around.inner(body.query)
  findings.include(inner.analysis.findings)
  if (inner.classification.names.length > 0) {
    const { output, classes } = inner.classification
    if (output === 'classified') {
      findings.effect('export', `copies what it reads into ${name}`)
      findings.copied({ schema, table: name, column: null, classes, plain: false })
    }
  } else {
    const columns = listOf(into.colNames).map((column) => textOf(bodyOf(column, 'String')?.sval))
    notesCopy(analysis, { schema, name, columns }, analysis.query(body.query, null))
  }
  return judged(verb, { names: inner.classification.names.filter((n) => n.kind === 'execute') })
}

const RIGHTS = /Owner|RowSecurity|AT_ChangeOwner/

export function alterTable(analysis: Analysis, body: Body): Judged {
  const verb = `ALTER ${objectWords(body.objtype)}`
  analysis.findings.effect('ddl', `${verb} changes the schema`)
  for (const item of listOf(body.cmds)) {
    const command = String(bodyOf(item, 'AlterTableCmd')?.subtype)
    if (RIGHTS.test(command)) {
      analysis.findings.effect('privilege', `${verb} changes ownership or row security`)
    }
  }
  noteTables(analysis, body)
  return judged(verb)
}

export function functionChange(analysis: Analysis, body: Body, verb: string): Judged {
  const words = body.is_procedure ? verb.replace('FUNCTION', 'PROCEDURE') : verb
  analysis.findings.effect('ddl', `${words} changes code in the database`)
  const definer = anyNode(
    [body.options, body.actions],
    ({ kind, body: option }) => kind === 'DefElem' && option.defname === 'security',
  )
  if (definer) analysis.findings.effect('privilege', `${words} says whose rights the code has`)
  return judged(words)
}

const OUTWARD_OBJECTS = /PUBLICATION|SUBSCRIPTION|FOREIGN SERVER|FOREIGN DATA WRAPPER|USER MAPPING/

const DROPPED_RELATIONS = /TABLE$|VIEW$|^INDEX$|^SEQUENCE$/

export function drop(analysis: Analysis, body: Body): Judged {
  const words = objectWords(body.removeType)
  const verb = `DROP ${words}`
  analysis.findings.effect('ddl', `${verb} changes the schema`)
  if (words === 'EXTENSION' || words === 'LANGUAGE')
    analysis.findings.effect('server', `${verb} changes the server`)
  if (words === 'POLICY') analysis.findings.effect('privilege', 'DROP POLICY changes row security')
  if (OUTWARD_OBJECTS.test(words))
    analysis.findings.effect('export', `${verb} bears on other databases`)
  for (const item of listOf(body.objects)) {
    const names = namesOf(bodyOf(item, 'List')?.items)
    const name = names.at(-1)
    if (name !== undefined && DROPPED_RELATIONS.test(words)) {
      noteRelation(analysis, names.at(-2) ?? null, name)
    }
  }
  return judged(verb)
}
