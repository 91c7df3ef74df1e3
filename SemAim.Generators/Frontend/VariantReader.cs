using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Frontend;

/// <summary>
/// Reads the sizes of a published configuration by doing what its method does with whole numbers: constants, locals, arithmetic, static methods and fields, helpers and other variants that construct, constructors that call the primary one.
/// What cannot be followed is reported: a configuration that nobody checks would be published all the same.
/// </summary>
internal sealed class VariantReader(ModuleReader module, IMethodSymbol? primary)
{
    private const int Deepest = 16;
    private int depth;
    private (SyntaxNode Place, string Message)? open;

    /// <summary>The configuration; null where it is none, which is reported unless C# has an error there.</summary>
    internal Variant? Read(IMethodSymbol method)
    {
        if (primary is null) return null;                            // reported at the class
        // an attribute in the middle of being typed has no arguments yet
        var name = ModuleReader.Attributes(method, DslNames.Variant).First().ConstructorArguments.FirstOrDefault() is { Kind: TypedConstantKind.Primitive } written && written.Value is string said ? said : method.Name;
        var body = Body(method);
        if (body is null || body.DescendantsAndSelf().Any(o => o is IInvalidOperation)) return null;
        open = null;
        depth = 0;
        var made = Returned(body, Frame(method));
        if (made is { } found) return new(module.Spans.Add(found.Syntax), name, primary.Parameters.Where(IsSize).Select(p => new VariantSize(p.Name, found.Sizes[p])).ToEquatable());
        var (place, message) = open ?? (body.Syntax, $"`{method.Name}` does not return `new {module.Type.Name}(…)`");
        if (place.SyntaxTree != body.Syntax.SyntaxTree || !body.Syntax.Span.Contains(place.Span)) place = body.Syntax;
        var at = place is StatementSyntax ? module.Spans.Add(place.GetFirstToken()) : module.Spans.Add(place);
        module.Report("SEM0112", $"the sizes of variant {name} cannot be read: {message}; write `new {module.Type.Name}({string.Join(", ", primary.Parameters.Where(IsSize).Select(p => p.Name + ": …"))})` with whole numbers, constants and + - * / of them", at);
        return null;
    }

    private static bool IsSize(IParameterSymbol p) => p.Type.SpecialType == SpecialType.System_Int32;

    private sealed record Construction(SyntaxNode Syntax, Dictionary<IParameterSymbol, long> Sizes);

    // what names stand for: whole numbers, and values that were constructed
    private sealed class Names
    {
        internal Dictionary<ISymbol, long> Numbers { get; } = new(SymbolEqualityComparer.Default);
        internal Dictionary<ISymbol, Construction> Made { get; } = new(SymbolEqualityComparer.Default);
    }

    // parameters of the variant itself are what they are where they are left out
    private static Names Frame(IMethodSymbol method)
    {
        var names = new Names();
        foreach (var p in method.Parameters)
            if (IsSize(p) && p is { HasExplicitDefaultValue: true, ExplicitDefaultValue: int n }) names.Numbers[p] = n;
        return names;
    }

    private IOperation? Body(ISymbol method) => method.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax() switch
    {
        MethodDeclarationSyntax m => (SyntaxNode?)m.Body ?? m.ExpressionBody,
        LocalFunctionStatementSyntax l => (SyntaxNode?)l.Body ?? l.ExpressionBody,
        PropertyDeclarationSyntax { ExpressionBody: { } arrow } => arrow,
        VariableDeclaratorSyntax { Initializer: { } initializer } => initializer,
        _ => null,
    } is { } body ? module.Operation(body) : null;

    private void Fail(IOperation at, string message) => open ??= (at.Syntax, message);

    private static string Short(IOperation o) => o.Syntax.ToString() is { Length: <= 60 } text && !text.Contains("\n") ? text : o.Syntax.GetFirstToken().Text + " …";

    // the statements before the return are declarations
    private IOperation? Result(IOperation body, Names names)
    {
        if (body is not IBlockOperation block) return body;
        foreach (var statement in block.Operations)
            switch (statement)
            {
                case IReturnOperation { ReturnedValue: { } value }: return ModuleReader.Strip(value);
                case IVariableDeclarationGroupOperation group:
                    foreach (var d in group.Declarations.SelectMany(d => d.Declarators))
                    {
                        if (d.GetVariableInitializer() is not { } initializer) continue;
                        // a local that nobody needs may be anything
                        var before = open;
                        if (d.Symbol.Type.SpecialType == SpecialType.System_Int32 && Number(initializer.Value, names) is { } n) names.Numbers[d.Symbol] = n;
                        else if (SymbolEqualityComparer.Default.Equals(d.Symbol.Type, module.Type) && Made(initializer.Value, names) is { } made) names.Made[d.Symbol] = made;
                        open = before;
                    }
                    break;
                case ILocalFunctionOperation or IEmptyOperation: break;
                case IExpressionStatementOperation { Operation: ISimpleAssignmentOperation { Target: ILocalReferenceOperation or IParameterReferenceOperation, Target: var target, Value: var assigned } } when target.Type?.SpecialType == SpecialType.System_Int32:
                    ISymbol changed = target is ILocalReferenceOperation l ? l.Local : ((IParameterReferenceOperation)target).Parameter;
                    if (Number(assigned, names) is { } now) names.Numbers[changed] = now;
                    else names.Numbers.Remove(changed);
                    break;
                // sizes are fixed when a module is made: what is called afterwards does not change them
                case IExpressionStatementOperation { Operation: IInvocationOperation call } when !call.Descendants().Any(o => o is IAssignmentOperation or IIncrementOrDecrementOperation): break;
                default:
                    Fail(statement, $"`{statement.Syntax.GetFirstToken().Text} …` may change them");
                    return null;
            }
        return null;
    }

    private Construction? Returned(IOperation body, Names names) => Result(body, names) is { } value ? Made(value, names) : null;

    private Construction? Made(IOperation value, Names names)
    {
        value = ModuleReader.Strip(value);
        switch (value)
        {
            case ILocalReferenceOperation { Local: var local } when names.Made.TryGetValue(local, out var known): return known;
            case IObjectCreationOperation { Constructor: { } constructor } creation when SymbolEqualityComparer.Default.Equals(creation.Type, module.Type):
                if (Constructed(constructor, creation.Arguments, names) is { } sizes) return new(creation.Syntax, sizes);
                if (!SymbolEqualityComparer.Default.Equals(constructor, primary)) open = (creation.Syntax, $"{open?.Message ?? "it calls no `this(…)`"}, in the constructor of `{Short(creation)}`");
                return null;
            case IInvocationOperation { TargetMethod: { IsStatic: true } helper } call when SymbolEqualityComparer.Default.Equals(helper.ReturnType, module.Type) && Body(helper) is { } body:
                if (depth >= Deepest) break;
                if (Bind(call.Arguments, names, _ => true) is not { } frame) return null;
                depth++;
                var made = Returned(body, frame);
                depth--;
                if (made is not null) return made with { Syntax = call.Syntax };
                open = (call.Syntax, $"{open?.Message ?? "nothing is returned"}, in `{Short(call)}`");
                return null;
        }
        Fail(value, $"`{Short(value)}` is no construction that can be followed");
        return null;
    }

    // a second constructor passes on to the primary one
    private Dictionary<IParameterSymbol, long>? Constructed(IMethodSymbol constructor, IEnumerable<IArgumentOperation> arguments, Names names)
    {
        var isPrimary = SymbolEqualityComparer.Default.Equals(constructor, primary);
        if (Bind(arguments, names, p => isPrimary) is not { } frame) return null;
        if (isPrimary)
        {
            var sizes = new Dictionary<IParameterSymbol, long>(SymbolEqualityComparer.Default);
            foreach (var p in primary!.Parameters.Where(IsSize)) sizes[p] = frame.Numbers[p];
            return sizes;
        }
        if (depth < Deepest && constructor.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax() is ConstructorDeclarationSyntax { Initializer: { } initializer } && module.Operation(initializer) is { } operation
            && operation.DescendantsAndSelf().OfType<IInvocationOperation>().FirstOrDefault() is { TargetMethod: { MethodKind: MethodKind.Constructor } next } call)
        {
            depth++;
            var sizes = Constructed(next, call.Arguments, frame);
            depth--;
            return sizes;
        }
        return null;
    }

    // null where one that is needed is no number that can be read
    private Names? Bind(IEnumerable<IArgumentOperation> arguments, Names names, Func<IParameterSymbol, bool> needed)
    {
        var frame = new Names();
        foreach (var a in arguments)
        {
            if (a.Parameter is not { } parameter || !IsSize(parameter)) continue;
            var before = open;
            if (Number(a.Value, names) is { } n) frame.Numbers[parameter] = n;
            else if (needed(parameter))
            {
                open = before;
                Fail(a.Value, $"`{Short(a.Value)}` for {parameter.Name} is no number that is known here");
                return null;
            }
            else open = before;
        }
        return frame;
    }

    private long? Number(IOperation operation, Names names)
    {
        operation = ModuleReader.Strip(operation);
        if (operation.ConstantValue is { HasValue: true, Value: int n }) return n;
        switch (operation)
        {
            case ILocalReferenceOperation l: return names.Numbers.TryGetValue(l.Local, out var local) ? local : null;
            case IParameterReferenceOperation p: return names.Numbers.TryGetValue(p.Parameter, out var parameter) ? parameter : null;
            case IUnaryOperation { OperatorMethod: null, OperatorKind: UnaryOperatorKind.Minus } u: return -Number(u.Operand, names);
            case IBinaryOperation { OperatorMethod: null } b when Number(b.LeftOperand, names) is { } x && Number(b.RightOperand, names) is { } y:
                return b.OperatorKind switch
                {
                    BinaryOperatorKind.Add => Fitting(x + y),
                    BinaryOperatorKind.Subtract => Fitting(x - y),
                    BinaryOperatorKind.Multiply => Fitting(x * y),
                    BinaryOperatorKind.Divide when y != 0 => x / y,
                    BinaryOperatorKind.Remainder when y != 0 => x % y,
                    _ => null,
                };
            case IInvocationOperation { TargetMethod: { Name: "Max" or "Min", ContainingType: { Name: "Math", ContainingNamespace.Name: "System" } } m, Arguments: [var first, var second] } when Number(first.Value, names) is { } x && Number(second.Value, names) is { } y:
                return m.Name == "Max" ? Math.Max(x, y) : Math.Min(x, y);
            case IInvocationOperation { TargetMethod: { IsStatic: true } method } call when depth < Deepest && Body(method) is { } body:
                return Bind(call.Arguments, names, _ => false) is { } frame ? Inside(body, frame) : null;
            case IPropertyReferenceOperation { Property: { IsStatic: true } property } when depth < Deepest && Body(property) is { } body: return Inside(body, new());
            // what is set once, where it is declared
            case IFieldReferenceOperation { Field: { IsStatic: true, IsReadOnly: true } field } when depth < Deepest && Body(field) is IFieldInitializerOperation { Value: var value }: return Inside(value, new());
            default: return null;
        }
    }

    private long? Inside(IOperation body, Names names)
    {
        depth++;
        var before = open;
        var result = Result(body, names) is { } value ? Number(value, names) : null;
        open = before;
        depth--;
        return result;
    }

    private static long? Fitting(long n) => n is >= int.MinValue and <= int.MaxValue ? n : null;
}
