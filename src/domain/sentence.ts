// Makes a whole sentence of what a step says in a few words, for those who read it without the step.

/** A word of the language: not a name of Proxmox VE or of a field, such as net0 or spec.runStrategy, which begins as it is. */
const PLAIN_WORD = /^[a-z][a-z-]*(?=[,;:.]?(\s|$))/;

/** The text with a capital letter and a full stop; as it is where it has them. */
export function sentence(text: string): string {
  const begun = text.replace(PLAIN_WORD, (word) => word.slice(0, 1).toUpperCase() + word.slice(1));
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
