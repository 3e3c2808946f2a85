/** A pure function of a text with its latest answers kept, at most `max` of them; what it throws is not kept. */
export function remembered<T>(max: number, answer: (text: string) => T): (text: string) => T {
  const answers = new Map<string, T>()
  return (text) => {
    const known = answers.get(text)
    if (known !== undefined) return known
    if (answers.size >= max) answers.clear()
    const fresh = answer(text)
    answers.set(text, fresh)
    return fresh
  }
}
