import type { PathName } from './systems.ts'

/** What was measured of one thing, by the name of the path. */
export interface Row {
  readonly name: string
  readonly unit: string
  readonly values: Readonly<Partial<Record<PathName, number>>>
  /** Whether the chart is to show it. */
  readonly drawn?: boolean
}

const NAME_WIDTH = 56
const CELL_WIDTH = 13
const BAR_WIDTH = 40

/** `beside`: the proxy by others that ours is compared with. */
export function table(rows: readonly Row[], paths: readonly PathName[], beside: PathName): string {
  const head = ['', ...paths, `cs/${beside}`, 'cs/relay']
  const lines = rows.map(({ name, unit, values }) => [
    `${name}, ${unit}`,
    ...paths.map((path) => shown(values[path])),
    ratio(values.countersign, values[beside]),
    ratio(values.countersign, values.relay),
  ])
  return [head, ...lines].map(line).join('\n')
}

function line([name = '', ...cells]: readonly string[]): string {
  return name.padEnd(NAME_WIDTH) + cells.map((cell) => cell.padStart(CELL_WIDTH)).join('')
}

function shown(value: number | undefined): string {
  if (value === undefined) return '-'
  return value >= 1000 ? Math.round(value).toLocaleString('en') : String(+value.toPrecision(3))
}

function ratio(a: number | undefined, b: number | undefined): string {
  return a === undefined || b === undefined || b <= 0 ? '-' : (a / b).toFixed(2)
}

/** Bars for the rows that are to be drawn, each scaled to its own longest. */
export function chart(rows: readonly Row[], paths: readonly PathName[]): string {
  return rows
    .filter(({ drawn }) => drawn)
    .map(({ name, unit, values }) => {
      const longest = Math.max(...paths.map((path) => values[path] ?? 0), Number.MIN_VALUE)
      const bars = paths
        .filter((path) => values[path] !== undefined)
        .map((path) => {
          const value = values[path] ?? 0
          const bar = '█'.repeat(Math.max(0, Math.round((value / longest) * BAR_WIDTH)))
          return `  ${path.padEnd(CELL_WIDTH)}${bar} ${shown(value)}`
        })
      return [`${name}, ${unit}`, ...bars].join('\n')
    })
    .join('\n\n')
}
