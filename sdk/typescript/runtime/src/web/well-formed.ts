/**
 * The text, its lone surrogates replaced: the host takes no others. The method is that of the start: what an author's
 * code makes of `String.prototype` does not keep an answer back.
 */
export const wellFormed: (text: string) => string = Function.prototype.call.bind(String.prototype.toWellFormed);
