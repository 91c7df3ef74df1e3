namespace SemAim.Generators.Frontend;

/// <summary>The names by which the compiler knows the language; it never refers to its assembly.</summary>
internal static class DslNames
{
    internal const string Namespace = "SemAim.Dsl";
    internal const string ModuleAttribute = Namespace + ".ModuleAttribute";
    internal const string Graph = "GraphAttribute", Shape = "ShapeAttribute", Require = "RequireAttribute", Fills = "FillsAttribute", Variant = "VariantAttribute", Key = "KeyAttribute",
        GraphSize = "GraphSizeAttribute", GraphSummary = "GraphSummaryAttribute", GraphWeight = "GraphWeightAttribute";
    internal const string GraphModule = "GraphModule", Sym = "Sym", OrderMask = "OrderMask", Ops = "Ops", Repeat = "Repeat", Draws = "Draws";
}
