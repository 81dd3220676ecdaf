// Answers for the framing of a watch: JSON documents, one a line, cut anywhere by the network.

/** Yields every complete line of the body. A last line without its newline is incomplete and dropped: the connection broke inside it. */
export async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      // Parts are joined only here: adding every chunk to one long string costs quadratic time on large objects.
      parts.push(text.slice(start, end));
      const line = parts.join('');
      parts = [];
      start = end + 1;
      if (line.trim() !== '') yield line;
    }
    parts.push(text.slice(start));
  }
}
