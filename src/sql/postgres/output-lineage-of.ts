import type { LineageSource, OutputLineage } from '../output-lineage.ts'
import { originsOfColumn } from './origins.ts'
import type { Column, Outputs, TaintSource } from './taint.ts'

/** Sources of all columns of one result together; more than any honest statement has. */
const MAX_SOURCES = 20_000

/**
 * The lineage of a result's columns: by their taint, which decides what is masked, and beside it
 * what else they come from. undefined where it isn't certain which columns these are, or where it
 * would take too long to say.
 */
export function lineageOfOutputs(outputs: Outputs): readonly OutputLineage[] | undefined {
  try {
    return linesOf(outputs)
  } catch {
    return undefined
  }
}

function linesOf(outputs: Outputs): readonly OutputLineage[] | undefined {
  if (!outputs.complete || outputs.columns.length === 0) return undefined
  const lineage: OutputLineage[] = []
  let sources = 0
  for (const column of outputs.columns) {
    const line = lineageOfColumn(column)
    sources += line.sources.length
    if (sources > MAX_SOURCES) return undefined
    lineage.push(line)
  }
  return lineage
}

function lineageOfColumn(column: Column): OutputLineage {
  const { name, taint, ids } = column
  const sources = new Map<string, LineageSource>()
  for (const [key, source] of originsOfColumn(column)) sources.set(key, notShown(source))
  for (const [key, source] of taint) sources.set(key, shown(source, column.plain))
  return { name, sources: [...sources.values()], ...(ids ? { columns: ids } : {}) }
}

/** What the taint doesn't have can't show: it chooses rows, as in EXISTS. */
function notShown(source: LineageSource): LineageSource {
  const fit = source.kind === 'column' && source.dataClass === null
  const quiet = source.flow === 'aggregate-safe' || source.flow === 'predicate-only'
  return fit || quiet ? source : { ...source, flow: 'predicate-only' }
}

/** The sources of a column by its taint alone. */
export function shownSources({ taint, plain }: Column): readonly LineageSource[] {
  return [...taint.values()].map((source) => shown(source, plain))
}

function shown({ label, dataClass, derived }: TaintSource, plain: boolean): LineageSource {
  const flow = plain && derived !== true ? 'identity' : 'derived'
  if (dataClass === null) return { kind: 'unknown', label, flow }
  return { kind: 'column', label, dataClass, flow }
}
