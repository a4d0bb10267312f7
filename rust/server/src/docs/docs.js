// Shows the OpenAPI document of this server and lets its routes be tried. Text is only ever set as text.
"use strict";

const make = (name, text, ...children) => {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
};

// A schema in a line or as an example of its shape; what refers to itself ends at some depth.
const shape = (schema, all, depth = 0) => {
  if (!schema || depth > 6) return "…";
  if (schema.$ref) return shape(all[schema.$ref.split("/").pop()], all, depth + 1);
  const either = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (either) return shape(either.find((one) => one.type !== "null") ?? either[0], all, depth + 1);
  const type = [schema.type ?? "object"].flat().filter((name) => name !== "null")[0];
  if (type === "array") return [shape(schema.items, all, depth + 1)];
  if (type === "object" && schema.properties) {
    const fields = Object.entries(schema.properties);
    return Object.fromEntries(fields.map(([name, field]) => [name, shape(field, all, depth + 1)]));
  }
  return [schema.type ?? "object"].flat().join(" or ");
};

const parameterTable = (parameters) =>
  make("table", "", ...parameters.map((one) =>
    make("tr", "", make("td", "", make("code", one.name)), make("td", one.description ?? ""))));

const trial = (method, path, operation) => {
  const form = make("form");
  const inputs = (operation.parameters ?? []).map((one) => {
    const input = make("input");
    input.value = one.example ?? "";
    form.append(make("label", `${one.name} `, input));
    return { one, input };
  });
  const body = operation.requestBody ? make("textarea") : null;
  if (body) {
    body.value = operation.requestBody.content["text/plain"]?.example ?? "";
    form.append(make("label", "query ", body));
  }
  const output = make("pre");
  output.hidden = true;
  form.append(make("button", "Try it"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let address = path;
    const query = new URLSearchParams();
    for (const { one, input } of inputs) {
      if (one.in === "path") address = address.replace(`{${one.name}}`, encodeURIComponent(input.value));
      else if (input.value !== "") query.set(one.name, input.value);
    }
    if (query.size > 0) address += `?${query}`;
    output.hidden = false;
    output.textContent = "…";
    try {
      const headers = body ? { "Content-Type": "text/plain" } : {};
      const answer = await fetch(address, { method: method.toUpperCase(), headers, body: body?.value });
      const text = await answer.text();
      let shown = text;
      try {
        shown = JSON.stringify(JSON.parse(text), null, 2);
      } catch {
        // Not JSON: as it is.
      }
      output.textContent = `${answer.status} ${answer.headers.get("content-type") ?? ""}\n${shown.slice(0, 100_000)}`;
    } catch (error) {
      output.textContent = String(error);
    }
  });
  return make("div", "", form, output);
};

const answers = (operation, all) => {
  const list = make("div");
  for (const [status, answer] of Object.entries(operation.responses)) {
    list.append(make("p", `${status === "default" ? "otherwise" : status}: ${answer.description}`));
    for (const [kind, content] of Object.entries(answer.content ?? {})) {
      const text = JSON.stringify(shape(content.schema, all), null, 1);
      list.append(make("pre", `${kind}\n${text.startsWith("{") ? text : ""}`.trim()));
    }
  }
  return list;
};

const show = (api) => {
  document.getElementById("description").textContent = `${api.info.description} Version ${api.info.version}.`;
  const main = document.getElementById("routes");
  main.replaceChildren();
  const all = api.components?.schemas ?? {};
  for (const tag of api.tags) {
    const section = make("section", "", make("h2", tag.name), make("p", tag.description));
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (!operation.tags?.includes(tag.name)) continue;
        const title = make("summary", "", make("b", method.toUpperCase()), make("code", path), " ",
          make("span", operation.summary ?? ""));
        const route = make("details", "", title);
        if (operation.description) route.append(make("p", operation.description));
        if (operation.parameters?.length) route.append(parameterTable(operation.parameters));
        route.append(answers(operation, all));
        if (!operation.responses["101"]) route.append(trial(method, path, operation));
        section.append(route);
      }
    }
    main.append(section);
  }
};

fetch("/api/v1/openapi.json")
  .then((answer) => answer.json())
  .then(show)
  .catch((error) => {
    document.getElementById("waiting").textContent = `The document could not be read: ${error}`;
  });
