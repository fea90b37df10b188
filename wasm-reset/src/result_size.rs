//! Sizes of results that the host writes to the place that a guest names (canonical ABI, "Despecialization" to
//! "Flattening").

use wasmparser::PrimitiveValType;
use wasmparser::component_types::{ComponentDefinedType, ComponentFuncType, ComponentValType};
use wasmparser::types::TypesRef;

use crate::Unsuited;

/// How many bytes the host writes for the result of a lowered function; none if it is returned as a value.
pub(crate) fn written(
    types: TypesRef<'_>,
    func: &ComponentFuncType,
) -> Result<Option<u32>, Unsuited> {
    let Some(result) = &func.result else {
        return Ok(None);
    };
    let layout = Layout::of(types, *result)?;
    Ok((layout.flat > MAX_FLAT_RESULTS).then_some(layout.size))
}

/// How a type lies in memory, and how many core values it takes.
#[derive(Clone, Copy)]
struct Layout {
    size: u32,
    align: u32,
    flat: u32,
}

impl Layout {
    fn of(types: TypesRef<'_>, ty: ComponentValType) -> Result<Self, Unsuited> {
        let id = match ty {
            ComponentValType::Primitive(primitive) => return Self::primitive(primitive),
            ComponentValType::Type(id) => id,
        };
        let of = |ty: &ComponentValType| Self::of(types, *ty);
        match &types[id] {
            ComponentDefinedType::Primitive(primitive) => Self::primitive(*primitive),
            ComponentDefinedType::Record(record) => Self::fields(record.fields.values().map(of)),
            ComponentDefinedType::Tuple(tuple) => Self::fields(tuple.types.iter().map(of)),
            ComponentDefinedType::List { .. } => Ok(POINTER_AND_LENGTH),
            ComponentDefinedType::Variant(variant) => {
                let cases = variant
                    .cases
                    .values()
                    .map(|case| case.ty.as_ref().map(of).transpose());
                Self::variant(variant.cases.len(), cases)
            }
            ComponentDefinedType::Option { ty, .. } => {
                Self::variant(2, [Ok(None), of(ty).map(Some)])
            }
            ComponentDefinedType::Result { ok, err, .. } => {
                let case = |ty: &Option<ComponentValType>| ty.as_ref().map(of).transpose();
                Self::variant(2, [case(ok), case(err)])
            }
            ComponentDefinedType::Enum(cases) => Self::variant(cases.len(), []),
            ComponentDefinedType::Flags(names) => Ok(match names.len() {
                0..=8 => Self::value(1),
                9..=16 => Self::value(2),
                _ => Self::value(4),
            }),
            _ => Err(Unsuited::Has(
                "a host function with a result of an unknown kind",
            )),
        }
    }

    fn primitive(ty: PrimitiveValType) -> Result<Self, Unsuited> {
        use PrimitiveValType as P;
        Ok(match ty {
            P::Bool | P::S8 | P::U8 => Self::value(1),
            P::S16 | P::U16 => Self::value(2),
            P::S32 | P::U32 | P::F32 | P::Char => Self::value(4),
            P::S64 | P::U64 | P::F64 => Self::value(8),
            P::String => POINTER_AND_LENGTH,
            P::ErrorContext => {
                return Err(Unsuited::Has(
                    "a host function with an error context as result",
                ));
            }
        })
    }

    const fn value(size: u32) -> Self {
        Self {
            size,
            align: size,
            flat: 1,
        }
    }

    fn fields(fields: impl IntoIterator<Item = Result<Self, Unsuited>>) -> Result<Self, Unsuited> {
        let mut all = Self {
            size: 0,
            align: 1,
            flat: 0,
        };
        for field in fields {
            let field = field?;
            all.size = all.size.next_multiple_of(field.align) + field.size;
            all.align = all.align.max(field.align);
            all.flat += field.flat;
        }
        all.size = all.size.next_multiple_of(all.align);
        Ok(all)
    }

    /// A discriminant, and room for the largest case.
    fn variant(
        count: usize,
        cases: impl IntoIterator<Item = Result<Option<Self>, Unsuited>>,
    ) -> Result<Self, Unsuited> {
        let tag = match count {
            0..=0x100 => Self::value(1),
            0x101..=0x1_0000 => Self::value(2),
            _ => Self::value(4),
        };
        let mut largest = Self {
            size: 0,
            align: 1,
            flat: 0,
        };
        for case in cases {
            let Some(case) = case? else { continue };
            largest.size = largest.size.max(case.size);
            largest.align = largest.align.max(case.align);
            largest.flat = largest.flat.max(case.flat);
        }
        let align = tag.align.max(largest.align);
        let size = tag.size.next_multiple_of(largest.align) + largest.size;
        Ok(Self {
            size: size.next_multiple_of(align),
            align,
            flat: 1 + largest.flat,
        })
    }
}

const POINTER_AND_LENGTH: Layout = Layout {
    size: 8,
    align: 4,
    flat: 2,
};
/// `MAX_FLAT_RESULTS` of the canonical ABI.
const MAX_FLAT_RESULTS: u32 = 1;
