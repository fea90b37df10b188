//! Functions that are actions: `func(request: request) -> response` of `rusm:runtime/http`.

use wasmparser::PrimitiveValType as P;
use wasmparser::component_types::{ComponentDefinedType, ComponentFuncType, ComponentValType};
use wasmparser::types::TypesRef;

/// Whether a function takes a request and gives a response. What matters is how they lie in memory, so names do not.
pub(super) fn is_action(types: TypesRef<'_>, func: &ComponentFuncType) -> bool {
    let ([(_, request)], Some(response), false) = (&*func.params, &func.result, func.async_) else {
        return false;
    };
    let request = record(types, *request);
    let response = record(types, *response);
    let (Some(request), Some(response)) = (request, response) else {
        return false;
    };
    let text = |ty: &ComponentValType| is_primitive(types, *ty, P::String);
    let bytes = |ty: &ComponentValType| {
        list(types, *ty).is_some_and(|item| is_primitive(types, item, P::U8))
    };
    let pairs = |ty: &ComponentValType, value: &dyn Fn(&ComponentValType) -> bool| {
        let pair = list(types, *ty).and_then(|item| record(types, item));
        matches!(pair.as_deref(), Some([first, second]) if text(first) && value(second))
    };
    let takes = matches!(&*request, [method, target, headers, params, body]
        if text(method) && text(target) && pairs(headers, &bytes) && pairs(params, &text) && bytes(body));
    let gives = matches!(&*response, [status, headers, body]
        if is_primitive(types, *status, P::U16) && pairs(headers, &bytes) && bytes(body));
    takes && gives
}

/// The fields of a record or a tuple.
fn record(types: TypesRef<'_>, ty: ComponentValType) -> Option<Vec<ComponentValType>> {
    let ComponentValType::Type(id) = ty else {
        return None;
    };
    match &types[id] {
        ComponentDefinedType::Record(record) => Some(record.fields.values().copied().collect()),
        ComponentDefinedType::Tuple(tuple) => Some(tuple.types.to_vec()),
        _ => None,
    }
}

/// The type of the items of a list.
fn list(types: TypesRef<'_>, ty: ComponentValType) -> Option<ComponentValType> {
    let ComponentValType::Type(id) = ty else {
        return None;
    };
    match &types[id] {
        ComponentDefinedType::List { element, .. } => Some(*element),
        _ => None,
    }
}

fn is_primitive(types: TypesRef<'_>, ty: ComponentValType, wanted: P) -> bool {
    match ty {
        ComponentValType::Primitive(primitive) => primitive == wanted,
        ComponentValType::Type(id) => {
            matches!(&types[id], ComponentDefinedType::Primitive(primitive) if *primitive == wanted)
        }
    }
}
