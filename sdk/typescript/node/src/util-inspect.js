import npm from "util";

const { inspect } = npm;
inspect.custom ??= Symbol.for("nodejs.util.inspect.custom");
export { inspect };
export default inspect;
