/** The keys and indexes that lead to a value of the file. */
export type Path = readonly (string | number)[]

/** As a person finds it in the file: databases.shop.upstream, rules[2].then. */
export function showPath(path: Path): string {
  const text = path.reduce<string>((shown, part) => {
    if (typeof part === 'number') return `${shown}[${part}]`
    const key = /^[\w@*-]+$/.test(part) ? part : `"${part}"`
    return shown === '' ? key : `${shown}.${key}`
  }, '')
  return text === '' ? 'the file' : text
}

/** `path: what is wrong, what to do`. */
export function problem(path: Path, text: string): string {
  return `${showPath(path)}: ${text}`
}

/** The known word that `word` was probably meant to be, or null. */
export function didYouMean(word: string, known: readonly string[]): string | null {
  const scored = known
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance)
  const [best] = scored
  return best && best.distance <= Math.max(1, Math.floor(word.length / 3)) ? best.candidate : null
}

/** Levenshtein's distance; words of more than 64 characters are never near. */
function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return Number.POSITIVE_INFINITY
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? Number.POSITIVE_INFINITY
}
