using System.Collections.Generic;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Frontend;

/// <summary>Reads int expressions over sizes; static expression-bodied functions are inlined, because initialisers cannot call members.</summary>
internal sealed class IntReader(ModuleReader module)
{
    private const int DeepestInlining = 16;
    private readonly List<Dictionary<ISymbol, Expr>> frames = [];

    /// <summary>The definition of an int member, or null where it has no expression body.</summary>
    internal SizeMember? Member(IPropertySymbol property)
        => module.Body(property) is { } body ? new(module.Place(property), property.Name, Read(body)) : null;

    /// <summary>Reads an int expression; <see cref="Expr.Broken"/> where it is reported.</summary>
    internal Expr Read(IOperation operation, System.Func<IOperation, Expr?>? graph = null)
    {
        // a size has no fraction that a cast could cut off: what is no size is refused below it
        while (operation is IConversionOperation { OperatorMethod: null, ConstantValue.HasValue: false } cast) operation = cast.Operand;
        operation = ModuleReader.Strip(operation);
        var id = module.Spans.Add(operation.Syntax);
        if (operation.ConstantValue is { HasValue: true, Value: int n } && operation is not IBinaryOperation) return new Expr.Int(id, n);
        if (graph?.Invoke(operation) is { } fromGraph) return fromGraph;
        switch (operation)
        {
            case IParameterReferenceOperation p when frames.Count > 0 && frames[frames.Count - 1].TryGetValue(p.Parameter, out var argument): return argument;
            case IParameterReferenceOperation { Parameter: { ContainingSymbol: IMethodSymbol { MethodKind: MethodKind.Constructor }, Type.SpecialType: SpecialType.System_Int32 } size }: return new Expr.Size(id, size.Name);
            case IPropertyReferenceOperation { Property: { Type.SpecialType: SpecialType.System_Int32, IsIndexer: false } member, Instance: IInstanceReferenceOperation } when module.IsSize(member.Name): return new Expr.Size(id, member.Name);
            case IBinaryOperation { OperatorMethod: null } b when Sign(b.OperatorKind) is { } sign: return new Expr.Binary(id, sign, Read(b.LeftOperand, graph), Read(b.RightOperand, graph));
            case IUnaryOperation { OperatorMethod: null, OperatorKind: UnaryOperatorKind.Minus } u: return new Expr.Negate(id, Read(u.Operand, graph));
            case IInvocationOperation { TargetMethod: { IsStatic: true, ReturnType.SpecialType: SpecialType.System_Int32 } method } call when frames.Count < DeepestInlining && module.Body(method) is { } body:
                var frame = new Dictionary<ISymbol, Expr>(SymbolEqualityComparer.Default);
                foreach (var a in call.Arguments) frame[a.Parameter!] = Read(a.Value, graph);
                frames.Add(frame);
                var result = Read(body);
                frames.RemoveAt(frames.Count - 1);
                return result;
            case IInvalidOperation: return new Expr.Broken(id);
            default:
                module.Report("SEM0020", $"`{operation.Syntax}` cannot be part of a size; sizes are constructor parameters, int members, whole numbers and + - * / of them", id);
                return new Expr.Broken(id);
        }
    }

    internal static string? Sign(BinaryOperatorKind kind) => kind switch
    {
        BinaryOperatorKind.Add => "+",
        BinaryOperatorKind.Subtract => "-",
        BinaryOperatorKind.Multiply => "*",
        BinaryOperatorKind.Divide => "/",
        _ => null,
    };
}
