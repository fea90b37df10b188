//! Modules of Node, for packages that import them (`sdk/typescript/node`): only what is imported, or
//! named as a global, gets into a bundle.

use std::borrow::Cow;

use rolldown::InjectImport;
use rolldown::plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput,
    HookResolveIdReturn, HookUsage, Plugin, PluginContext, PluginContextResolveOptions,
    SharedLoadPluginContext,
};
use rolldown_common::ModuleType;

/// Resolves the modules of Node, with `node:` before their name or without; without it, a package
/// of the name that is installed comes first.
#[derive(Debug)]
pub(super) struct NodeModules;

/// The beginning of a module's name, and of its id.
pub(super) const PREFIX: &str = "node:";

/// Whether `name` is a module of Node's, which components have or not.
pub(super) fn is_nodes(name: &str) -> bool {
    name.starts_with(PREFIX) || embedded(name).is_some() || ABSENT.contains(&name)
}

/// Returns the globals of Node, as modules have them that name them.
pub(super) fn globals() -> Vec<InjectImport> {
    let named = |name: &str, module: &str| {
        InjectImport::named(name.to_owned(), None, format!("{PREFIX}{module}"))
    };
    vec![
        named("Buffer", "buffer"),
        InjectImport::default("process".to_owned(), format!("{PREFIX}process")),
        named("setImmediate", "timers"),
        named("clearImmediate", "timers"),
    ]
}

impl Plugin for NodeModules {
    fn name(&self) -> Cow<'static, str> {
        "rusm:node".into()
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Load
    }

    async fn resolve_id(
        &self,
        ctx: &PluginContext,
        args: &HookResolveIdArgs<'_>,
    ) -> HookResolveIdReturn {
        let importer = args.importer.unwrap_or_default();
        // A part that several of them share.
        if importer.starts_with(PREFIX)
            && let Some(part) = args.specifier.strip_prefix("./")
        {
            return Ok(found(part.trim_end_matches(".js")));
        }
        let name = args
            .specifier
            .strip_prefix(PREFIX)
            .unwrap_or(args.specifier);
        let is_absent = ABSENT.contains(&name);
        if embedded(name).is_none() && !is_absent {
            return Ok(None);
        }
        if name == args.specifier {
            let options = PluginContextResolveOptions {
                import_kind: args.kind,
                ..PluginContextResolveOptions::default()
            };
            let installed = ctx.resolve(name, args.importer, Some(options)).await?;
            if let Ok(installed) = installed
                && !installed.external.is_external()
            {
                return Ok(Some(HookResolveIdOutput::from_resolved_id(installed)));
            }
        }
        // A package may never come to use it; an author is told at once.
        if is_absent && !importer.contains("node_modules") {
            return Ok(None);
        }
        Ok(found(name))
    }

    async fn load(&self, _: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        let Some(name) = args.id.strip_prefix(PREFIX) else {
            return Ok(None);
        };
        let code = match embedded(name) {
            Some(code) => code.into(),
            None => {
                format!("module.exports = require(\"{PREFIX}absent\").absent({name:?});").into()
            }
        };
        Ok(Some(HookLoadOutput {
            code,
            module_type: Some(ModuleType::Js),
            ..HookLoadOutput::default()
        }))
    }
}

fn found(name: &str) -> Option<HookResolveIdOutput> {
    Some(HookResolveIdOutput {
        id: format!("{PREFIX}{name}").into(),
        ..HookResolveIdOutput::default()
    })
}

/// Returns the text of a module, or of a part of several.
fn embedded(name: &str) -> Option<&'static str> {
    let file = format!("{}.js", name.replace('/', "-"));
    let found = FILES
        .binary_search_by(|(path, _)| (*path).cmp(&*file))
        .ok()?;
    let (_, text) = FILES.get(found)?;
    std::str::from_utf8(text).ok()
}

/// Modules of Node that components do not have.
const ABSENT: [&str; 26] = [
    "child_process",
    "cluster",
    "dgram",
    "diagnostics_channel",
    "dns",
    "dns/promises",
    "domain",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "perf_hooks",
    "punycode",
    "readline",
    "readline/promises",
    "repl",
    "sqlite",
    "test",
    "tls",
    "tty",
    "v8",
    "vm",
    "worker_threads",
    "zlib",
];

include!(concat!(env!("OUT_DIR"), "/node_modules.rs"));
