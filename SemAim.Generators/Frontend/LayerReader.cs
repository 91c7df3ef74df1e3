using System.Collections.Generic;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Frontend;

/// <summary>Reads a field that holds weights from its initialiser.</summary>
internal static class LayerReader
{
    internal static LayerField? Read(ModuleReader module, IntReader ints, IFieldSymbol field, INamedTypeSymbol type)
    {
        var place = module.Place(field);
        var initializer = (field.DeclaringSyntaxReferences[0].GetSyntax() as VariableDeclaratorSyntax)?.Initializer;
        if (initializer is null || module.Operation(initializer) is not IFieldInitializerOperation { Value: var value } || ModuleReader.Strip(value) is not IObjectCreationOperation creation)
        {
            if (initializer is null || !HasErrors(module, initializer)) module.Report("SEM0106", initializer?.Value is ConditionalExpressionSyntax ? $"layer `{field.Name}` is made in one case only: a layer is always made, and `if` in the graph may leave it out" : $"layer `{field.Name}` has no initialiser that constructs it", place);
            return null;
        }
        var key = ModuleReader.Attributes(field, DslNames.Key).FirstOrDefault()?.ConstructorArguments.FirstOrDefault().Value as string ?? SnakeCase(field.Name);
        Expr? count = null;
        if (type.Name == DslNames.Repeat)
        {
            count = Argument(creation, "count") is { } c ? ints.Read(c) : new Expr.Broken(place);
            if (Copy(creation) is not { } copy)
            {
                module.Report("SEM0106", $"layer `{field.Name}`: the copies of a Repeat are written `i => new {(type.TypeArguments.Length == 1 ? type.TypeArguments[0].Name : "T")}(…)`", place);
                return null;
            }
            foreach (var a in copy.Arguments.Where(a => a.Parameter?.Type.SpecialType == SpecialType.System_Int32))
                if (a.Value.DescendantsAndSelf().OfType<IParameterReferenceOperation>().FirstOrDefault(p => p.Parameter.ContainingSymbol is IMethodSymbol { MethodKind: MethodKind.AnonymousFunction }) is { } variable)
                {
                    module.Report("SEM0222", $"`{copy.Syntax}`: the copies of a Repeat must have equal sizes; `{a.Value.Syntax}` depends on `{variable.Parameter.Name}`", module.Spans.Add(a.Value.Syntax));
                    return null;
                }
            if (copy.Type is INamedTypeSymbol { Name: DslNames.Repeat })
            {
                module.Report("SEM0020", $"layer `{field.Name}`: a Repeat holds no Repeat; write a module that holds the inner one, and repeat that", module.Spans.Add(copy.Syntax));
                return null;
            }
            creation = copy;
        }
        if (creation.Type is not INamedTypeSymbol made) return null;
        module.Use(made);
        var kind = made.ContainingNamespace.ToDisplayString() != DslNames.Namespace ? LayerKind.Module : made.Name switch
        {
            "Linear" => LayerKind.Linear,
            "LayerNorm" => LayerKind.LayerNorm,
            "Conv2d" => LayerKind.Conv2d,
            "Weight" => LayerKind.Weight,
            "Constant" => LayerKind.Constant,
            _ => LayerKind.Module,
        };
        var sizes = creation.Arguments.Where(a => a.Parameter is { Type.SpecialType: SpecialType.System_Int32 })
            .Select(a => new Argument(a.Parameter!.Name, ints.Read(a.Value))).ToList();
        if (creation.Arguments.FirstOrDefault(a => a.Parameter is { Name: "bias", Type.SpecialType: SpecialType.System_Boolean })?.Value.ConstantValue is { HasValue: true, Value: false })
            sizes.Add(new("bias", new Expr.Int(place, 0)));
        var axes = Argument(creation, "shape") is { } s ? Elements(s) : [];
        if (axes is null)
        {
            if (!HasErrors(module, initializer)) module.Report("SEM0106", $"layer `{field.Name}`: the compiler reads its shape where it is written as a list, for example `[1, D]`", place);
            return null;
        }
        var shape = axes.Select(e => ints.Read(e)).ToEquatable();
        return new(module.Spans.Add(creation.Syntax), field.Name, key, kind, made.ToDisplayString(), sizes.ToEquatable(), shape, count, place, kind is LayerKind.Weight or LayerKind.Constant && Argument(creation, "init") is { } init ? Contract(module, ints, init) : null);
    }

    // what an initialiser promises to fill stands at its declaration; what a lambda does is its author's
    private static InitContract? Contract(ModuleReader module, IntReader ints, IOperation init)
    {
        ISymbol? declared = init switch
        {
            IInvocationOperation { TargetMethod.IsStatic: true } call => call.TargetMethod,
            IPropertyReferenceOperation { Property.IsStatic: true } property => property.Property,
            _ => null,
        };
        var arguments = (init as IInvocationOperation)?.Arguments.Where(a => a.Parameter is { Type.SpecialType: SpecialType.System_Int32 }) ?? [];
        if (declared is null || ModuleReader.Attributes(declared, DslNames.Fills).FirstOrDefault() is not { ConstructorArguments: [{ Kind: TypedConstantKind.Array, IsNull: false } shapes] }) return null;
        var sizes = new List<Argument>();
        foreach (var a in arguments)
            if (module.Silently(() => ints.Read(a.Value)) is { } size) sizes.Add(new(a.Parameter!.Name, size));
        return new(module.Spans.Add(init.Syntax), init.Syntax.ToString(), sizes.ToEquatable(), shapes.Values.Select(v => v.Value as string ?? "").ToEquatable(), module.ReadFacts(declared).Select(f => f with { Id = 0 }).ToEquatable());
    }

    private static bool HasErrors(ModuleReader module, SyntaxNode node) => module.Operation(node)?.DescendantsAndSelf().Any(o => o is IInvalidOperation) ?? true;

    private static IObjectCreationOperation? Copy(IObjectCreationOperation repeat)
    {
        var make = Argument(repeat, "make");
        if (make is IDelegateCreationOperation d) make = d.Target;
        return make is IAnonymousFunctionOperation { Body.Operations: [IReturnOperation { ReturnedValue: { } value }] } ? ModuleReader.Strip(value) as IObjectCreationOperation : null;
    }

    private static IOperation? Argument(IObjectCreationOperation creation, string name)
        => creation.Arguments.FirstOrDefault(a => a.Parameter?.Name == name)?.Value is { } value ? ModuleReader.Strip(value) : null;

    // null where what it holds is not written there
    private static IReadOnlyList<IOperation>? Elements(IOperation collection) => ModuleReader.Strip(collection) switch
    {
        ICollectionExpressionOperation c when !c.Elements.Any(e => e is ISpreadOperation) => c.Elements,
        IArrayCreationOperation { Initializer: { } i } => i.ElementValues,
        IConversionOperation { OperatorMethod: not null } c => Elements(c.Operand),
        _ => null,
    };

    /// <summary>queryBlocks → query_blocks.</summary>
    internal static string SnakeCase(string name)
    {
        var text = new StringBuilder();
        foreach (var c in name.TrimStart('_'))
        {
            if (char.IsUpper(c) && text.Length > 0) text.Append('_');
            text.Append(char.ToLowerInvariant(c));
        }
        return text.ToString();
    }
}
