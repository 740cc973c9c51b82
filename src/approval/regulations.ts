/** Data class -> what regulation it falls under, as the operator words it: "GDPR Art. 4(1)". */
export type Regulations = Readonly<Record<string, string>>

/** Of the longest prefix of a class that is listed: pii.email before pii; null where there is none. */
export function regulationOf(dataClass: string, regulations: Regulations): string | null {
  const parts = dataClass.split('.')
  for (let length = parts.length; length > 0; length--) {
    const prefix = parts.slice(0, length).join('.')
    const text = Object.hasOwn(regulations, prefix) ? regulations[prefix] : undefined
    if (text !== undefined) return text
  }
  return null
}

/** Each of the classes that falls under one, with its text. */
export function regulationsOf(classes: readonly string[], regulations: Regulations): Regulations {
  const known = classes.flatMap((one) => {
    const text = regulationOf(one, regulations)
    return text === null ? [] : [[one, text]]
  })
  return Object.fromEntries(known)
}
