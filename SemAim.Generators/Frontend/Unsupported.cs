using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace SemAim.Generators.Frontend;

/// <summary>Names what the language has no place for.</summary>
internal static class Unsupported
{
    private const string Allowed = "(allowed: `for` over sizes, `if` on optional parameters)";

    internal static void Report(ModuleReader module, IOperation operation)
    {
        var place = module.Spans.Add(operation is IExpressionStatementOperation { Operation: IInvocationOperation call } ? call.Syntax : operation.Syntax is StatementSyntax or ExpressionSyntax { RawKind: 0 } ? operation.Syntax.GetFirstToken() : operation.Syntax);
        module.Report("SEM0020", Describe(operation), place);
    }

    private static string Describe(IOperation operation) => operation switch
    {
        IWhileLoopOperation { ConditionIsTop: true } => $"`while` cannot be part of a graph: how often it runs would depend on data {Allowed}",
        IWhileLoopOperation => $"`do` cannot be part of a graph: how often it runs would depend on data {Allowed}",
        IForLoopOperation => $"this `for` cannot be part of a graph: write `for (var i = 0; i < n; i++)` over sizes",
        IForEachLoopOperation => $"this `foreach` cannot be part of a graph: it may run over a Repeat {Allowed}",
        IConditionalOperation { Syntax: IfStatementSyntax } => "this `if` cannot be part of a graph: it may ask whether an optional mask is null, or a hyper-parameter: a bool, or one against a constant",
        IConditionalOperation => "`?:` cannot be part of a graph; write `if` on an optional mask or a bool hyper-parameter",
        ISwitchOperation or ISwitchExpressionOperation => $"`switch` cannot be part of a graph {Allowed}",
        ITryOperation => $"`try` cannot be part of a graph {Allowed}",
        IThrowOperation => "`throw` cannot be part of a graph; state facts about sizes with [Require]",
        IAwaitOperation => "`await` cannot be part of a graph",
        IAnonymousFunctionOperation or IDelegateCreationOperation => "a lambda cannot be part of a graph",
        ILocalFunctionOperation => "a local function cannot be part of a graph; make it a private [Graph] method",
        IUsingOperation or IUsingDeclarationOperation => "`using` cannot be part of a graph; values need no disposal here",
        IArrayElementReferenceOperation => $"`{operation.Syntax}` cannot be part of a graph: the compiler sees layers in fields of their own and in a Repeat<T>, not in arrays or lists",
        IFieldReferenceOperation { Field.ContainingType.IsTupleType: true } => $"`{operation.Syntax}` cannot be part of a graph; take the tuple apart: `var (a, b) = …`",
        IFieldReferenceOperation { Instance: { Type: INamedTypeSymbol owner } and not IInstanceReferenceOperation } when ModuleReader.DerivesFromGraphModule(owner)
            => $"`{operation.Syntax}` cannot be part of a graph: it belongs to another module; call a graph of {owner.Name}, or give it one that does this",
        IPropertyReferenceOperation { Property.IsIndexer: true, Instance.Type: { } list } when IsList(list) => $"`{operation.Syntax}` cannot be part of a graph: the compiler sees layers in fields of their own and in a Repeat<T>, not in arrays or lists",
        IPropertyReferenceOperation { Property: { IsIndexer: false, Type: INamedTypeSymbol layer } property } when ModuleReader.DerivesFromGraphModule(layer)
            => $"`{operation.Syntax}` cannot be part of a graph: a layer is a field, `private readonly {layer.Name} {char.ToLowerInvariant(property.Name[0])}{property.Name.Substring(1)} = new(…)`",
        IObjectCreationOperation { Type: INamedTypeSymbol layer } when ModuleReader.DerivesFromGraphModule(layer) => $"`{operation.Syntax}` cannot be part of a graph: a layer is made once, in a field of its module",
        IObjectCreationOperation or IArrayCreationOperation or ICollectionExpressionOperation => $"`{operation.Syntax}` cannot be part of a graph: it holds values in locals and tuples, not in arrays or lists",
        IAssignmentOperation => $"`{operation.Syntax}` assigns inside an expression; make it a statement of its own",
        ICoalesceOperation => $"`{operation.Syntax}` cannot be part of a graph; only an optional mask can be null, and `if` asks for it",
        ILockOperation => "`lock` cannot be part of a graph",
        IBranchOperation branch => $"`{branch.Syntax.GetFirstToken().Text}` cannot be part of a graph {Allowed}",
        IExpressionStatementOperation { Operation: IAssignmentOperation } => $"`{operation.Syntax.ToString().TrimEnd(';')}` assigns something that is no local: a graph has no side effects",
        IExpressionStatementOperation => $"`{operation.Syntax.ToString().TrimEnd(';')}` is a statement without a result: a graph has no side effects",
        _ => $"`{operation.Syntax}` cannot be part of a graph {Allowed}",
    };

    private static bool IsList(ITypeSymbol type) => type.AllInterfaces.Any(i => i.MetadataName is "IEnumerable`1");

    /// <summary>A host expression as C# that the generated file, which has none of the author's usings, understands.</summary>
    internal static string HostText(IOperation operation) => operation switch
    {
        IFieldReferenceOperation { Field: { ContainingType.TypeKind: TypeKind.Enum } f } => Member(f),
        ILiteralOperation or IParameterReferenceOperation or IConversionOperation { IsImplicit: true, Operand: ILiteralOperation } => operation.Syntax.ToString(),
        { ConstantValue: { HasValue: true, Value: { } constant } } when SymbolDisplay.FormatPrimitive(constant, quoteStrings: true, useHexadecimalNumbers: false) is { } primitive => Constant(constant, primitive),
        IFieldReferenceOperation { Field: { IsStatic: true } f } => Member(f),
        IPropertyReferenceOperation { Property: { IsStatic: true, IsIndexer: false } p } => Member(p),
        IInvocationOperation { TargetMethod: { IsStatic: true, IsGenericMethod: false } m } call when call.Arguments.All(a => a.ArgumentKind == ArgumentKind.DefaultValue || a is { ArgumentKind: ArgumentKind.Explicit, Syntax: ArgumentSyntax })
            => $"{Member(m)}({string.Join(", ", call.Arguments.Where(a => a.ArgumentKind == ArgumentKind.Explicit).OrderBy(a => a.Syntax.SpanStart).Select(a => (a.Syntax is ArgumentSyntax { NameColon: { } name } ? name + " " : "") + HostText(a.Value)))})",
        IInvocationOperation { TargetMethod: { IsStatic: true } m, Syntax: InvocationExpressionSyntax i } => $"{Member(m)}{i.ArgumentList}",
        IBinaryOperation b => $"({HostText(b.LeftOperand)} {((BinaryExpressionSyntax)b.Syntax).OperatorToken.Text} {HostText(b.RightOperand)})",
        IConversionOperation { IsImplicit: false, Type: { } to } c => $"({to.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat)}){HostText(c.Operand)}",
        IConversionOperation c => HostText(c.Operand),
        IUnaryOperation { Syntax: PrefixUnaryExpressionSyntax { OperatorToken.Text: var sign } } u => $"{sign}({HostText(u.Operand)})",
        IConditionalOperation { WhenFalse: { } no } c => $"({HostText(c.Condition)} ? {HostText(c.WhenTrue)} : {HostText(no)})",
        _ => operation.Syntax.ToString(),
    };

    private static string Member(ISymbol member) => $"{member.ContainingType.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat)}.{member.Name}";

    // of its own type, so that 3.0 / H stays no division of whole numbers
    private static string Constant(object value, string text) => value switch
    {
        double d when double.IsNaN(d) => "double.NaN",
        double d when double.IsInfinity(d) => d > 0 ? "double.PositiveInfinity" : "double.NegativeInfinity",
        double d => d.ToString("R", System.Globalization.CultureInfo.InvariantCulture) is var written && written.IndexOfAny(['.', 'E']) < 0 ? written + ".0" : written,
        float f => f.ToString("R", System.Globalization.CultureInfo.InvariantCulture) + "f",
        long => text + "L",
        _ => text,
    };
}
