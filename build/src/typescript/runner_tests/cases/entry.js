// One action for all cases: the body has the list and the name.
export default async (request) => {
  const [list, name] = (await request.text()).split(" ");
  if (list === "names") return Response.json({ objects: Object.keys(changes), recursions: Object.keys(recursions) });
  return new Response(list === "objects" ? await changes[name]() : await recurse(name));
};
