/** One thing that was measured, and what it may be. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** Null where it is told only. */
  readonly bound: { readonly kind: 'below' | 'exactly'; readonly value: number } | null
}

export function told(name: string, value: number, unit: string): Figure {
  return { name, value, unit, bound: null }
}

export function below(name: string, value: number, unit: string, most: number): Figure {
  return { name, value, unit, bound: { kind: 'below', value: most } }
}

export function exactly(name: string, value: number, unit: string, wanted: number): Figure {
  return { name, value, unit, bound: { kind: 'exactly', value: wanted } }
}

export function holds({ value, bound }: Figure): boolean {
  if (bound === null) return true
  return bound.kind === 'below' ? value < bound.value : value === bound.value
}

export function table(figures: readonly Figure[]): string {
  return figures
    .map((figure) => {
      const { name, value, unit, bound } = figure
      const wanted = bound === null ? '' : `${bound.kind} ${bound.value}`
      const verdict = bound === null ? '' : holds(figure) ? 'ok' : 'BROKEN'
      const shown = Number.isInteger(value) ? String(value) : value.toFixed(1)
      return `${name.padEnd(52)} ${shown.padStart(9)} ${unit.padEnd(7)} ${wanted.padEnd(14)} ${verdict}`
    })
    .join('\n')
}
