// https://mimesniff.spec.whatwg.org/#mime-type-representation, as much as bodies need

/** `type/subtype` in lower case. */
export function mimeEssence(type: string): string {
  const semicolon = type.indexOf(";");
  return (semicolon === -1 ? type : type.slice(0, semicolon)).trim().toLowerCase();
}

export function mimeParameter(type: string, name: string): string | undefined {
  const found = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;]*))`, "i").exec(type);
  return found ? (found[1]?.replace(/\\(.)/g, "$1") ?? found[2]!.trim()) : undefined;
}
