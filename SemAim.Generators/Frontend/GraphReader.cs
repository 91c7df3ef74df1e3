using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using SemAim.Generators.Collections;
using SemAim.Generators.Ir;

namespace SemAim.Generators.Frontend;

/// <summary>Reads the body of a [Graph] method into statements and expressions; what the language has no place for is refused by name.</summary>
internal sealed class GraphReader(ModuleReader module, EquatableArray<LayerField> layers, IMethodSymbol method)
{
    private readonly IntReader ints = new(module);
    private readonly Dictionary<ISymbol, string> names = new(SymbolEqualityComparer.Default);
    private readonly Dictionary<ISymbol, Expr> aliases = new(SymbolEqualityComparer.Default);   // foreach variables
    private readonly HashSet<string> taken = [];
    private readonly HashSet<ISymbol> refusedLocals = new(SymbolEqualityComparer.Default);       // lists and the like, reported where they are declared

    private bool refused;
    private HashSet<string>? written;

    // every word of the method
    private HashSet<string> Written => written ??= [.. method.DeclaringSyntaxReferences[0].GetSyntax().DescendantTokens().Select(t => t.ValueText)];

    /// <summary>The graph, or null where its declaration is none that a compiled overload could stand beside.</summary>
    internal GraphUnit? Read()
    {
        var place = module.Place(method);
        CheckForm(place);
        var parameters = method.Parameters.Select(ReadParameter).ToEquatable();
        if (refused) return null;
        var attribute = method.GetReturnTypeAttributes().FirstOrDefault(a => a.AttributeClass?.Name == DslNames.Shape);
        var count = attribute?.ConstructorArguments.FirstOrDefault() is { Kind: TypedConstantKind.Array, IsNull: false } list ? list.Values.Length : 0;
        var results = Enumerable.Range(0, count).Select(i => module.Shape(attribute, i)!).ToEquatable();
        if (count == 0) module.Report("SEM0003", $"graph `{method.Name}` has no [return: Shape(…)]; callers would not know what it gives back", place);
        bool Asks(string what) => ModuleReader.Attributes(method, DslNames.Graph).First().NamedArguments.Any(n => n.Key == what && n.Value.Value is true);
        var capture = Asks("Capture");
        // a bool of the caller's would be asked for by the callee's name
        var inlined = method.DeclaredAccessibility == Accessibility.Private && method.Parameters.All(p => p.Type.SpecialType != SpecialType.System_Boolean);
        return new(place, method.Name, method.DeclaredAccessibility == Accessibility.Public ? "public" : "internal", inlined, capture, null, parameters, results, ReadBody(), Asks("Cuts"));
    }

    // what the compiled overload cannot have: it takes the same parameters over tensors
    private void CheckForm(int place)
    {
        void Refuse(string what)
        {
            refused = true;
            module.Report("SEM0020", $"graph `{method.Name}` {what}", place);
        }
        if (method.IsAbstract) Refuse("is abstract; a graph has a body: it is the specification");
        else if (method.IsStatic && method.DeclaredAccessibility != Accessibility.Private) Refuse("is static; a graph is an instance method of its module (a private one may be static)");
        else if (method.IsGenericMethod) Refuse("has type parameters; its values are Sym and its sizes int");
        else if (!IsResult(method.ReturnType)) Refuse($"gives back {method.ReturnType.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat)}; a graph gives back Sym or a tuple of Sym");
        else if (method.DeclaredAccessibility != Accessibility.Private && method.Parameters.All(p => ContractReader.Kind(p.Type) == ParameterKind.Host && !p.IsParams && !IsTensor(p.Type) && p.Type.TypeKind != TypeKind.Error))
            Refuse("takes no value, so its compiled overload would have the same parameters; make it private, or give it a value");
    }

    private static bool IsTensor(ITypeSymbol type) => type is { Name: "Tensor", ContainingType.Name: "torch" };

    private static bool IsResult(ITypeSymbol type) => type switch
    {
        { TypeKind: TypeKind.Error } or { SpecialType: SpecialType.System_Void } => true,                          // C# or the missing [return: Shape] speaks
        INamedTypeSymbol { IsTupleType: true } tuple => tuple.TupleElements.All(e => e.Type.TypeKind == TypeKind.Error || ContractReader.Kind(e.Type) == ParameterKind.Value),
        _ => ContractReader.Kind(type) == ParameterKind.Value,
    };

    private GraphParameter ReadParameter(IParameterSymbol p)
    {
        var place = module.Place(p);
        var kind = ContractReader.Kind(p.Type);
        var wrong = p.RefKind != RefKind.None || p.IsParams ? $"is passed by `{(p.IsParams ? "params" : p.RefKind.ToString().ToLowerInvariant())}`; a graph takes values as they are"
            : IsTensor(p.Type) ? "is a Tensor; the values of a graph are Sym"
            : kind == ParameterKind.Value && p.IsOptional ? "may be left out; only an OrderMask can be: take the value always, or write a second graph" : null;
        if (wrong is not null)
        {
            refused = true;
            module.Report("SEM0020", $"parameter `{p.Name}` of graph `{method.Name}` {wrong}", place);
        }
        var shape = module.Shape(ModuleReader.Attributes(p, DslNames.Shape).FirstOrDefault(), 0);
        if (ModuleReader.Attributes(p, DslNames.Shape).FirstOrDefault()?.ConstructorArguments.FirstOrDefault() is { Kind: TypedConstantKind.Array, IsNull: false, Values: { Length: > 1 } several })
            module.Report("SEM0004", $"parameter `{p.Name}` of graph `{method.Name}` has {several.Length.ToString(System.Globalization.CultureInfo.InvariantCulture)} shapes; a parameter has one: its axes stand in one text", place);
        if (shape is null && kind != ParameterKind.Host && wrong is null)
            module.Report("SEM0004", $"parameter `{p.Name}` of graph `{method.Name}` has no [Shape]; write [Shape(\"{(kind == ParameterKind.Mask ? "B T T" : "B T D")}\")] or whatever axes it has", place);
        Name(p);
        return new(place, p.Name, kind, shape, p.IsOptional, p.Type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat)) { Default = ContractReader.Default(p) };
    }

    private EquatableArray<Statement> ReadBody()
    {
        if (method.DeclaringSyntaxReferences[0].GetSyntax() is not MethodDeclarationSyntax syntax) return default;
        var body = (SyntaxNode?)syntax.Body ?? syntax.ExpressionBody;
        // an expression body binds to a block with one implicit return, exactly like a written one
        return body is null || module.Operation(body) is not { } operation ? default : Block(operation);
    }

    private EquatableArray<Statement> Block(IOperation operation)
        => (operation is IBlockOperation block ? block.Operations.SelectMany(Statements) : Statements(operation)).ToEquatable();

    private IEnumerable<Statement> Statements(IOperation statement)
    {
        var id = module.Spans.Add(statement.Syntax);
        switch (statement)
        {
            case IBlockOperation block: return block.Operations.SelectMany(Statements).ToList();
            case IEmptyOperation: return [];
            case ILabeledOperation { Operation: { } labelled }: return Statements(labelled).ToList();          // a jump to it is reported where it stands
            case IVariableDeclarationGroupOperation group:
                // a constant text is read where it is used
                return group.Declarations.SelectMany(d => d.Declarators).Where(d => d.GetVariableInitializer() is not null && !(d.Symbol.IsConst && d.Symbol.Type.SpecialType == SpecialType.System_String))
                    .Select(d => (Statement)new Statement.Assign(id, EquatableOf<string?>(Name(d.Symbol, Declared(d, out var value))), value)).ToList();
            case IExpressionStatementOperation { Operation: ISimpleAssignmentOperation a } when Target(a.Target) is { } target:
                return [new Statement.Assign(id, EquatableOf<string?>(target), Given(a.Target switch { ILocalReferenceOperation l => l.Local, IParameterReferenceOperation p => p.Parameter, _ => method }, a.Value))];
            case IExpressionStatementOperation { Operation: ICompoundAssignmentOperation a } when Target(a.Target) is { } target && Operator(a.OperatorKind) is { } sign:
                return [new Statement.Assign(id, EquatableOf<string?>(target), new Expr.Binary(module.Spans.Add(a.Syntax), sign, Read(a.Target), Read(a.Value)))];
            case IExpressionStatementOperation { Operation: IDeconstructionAssignmentOperation d }:
                // var (q, k, v) = …: the target is a declaration expression around a tuple; the call of Deconstruct itself is not in the tree
                var tuple = (d.Target as IDeclarationExpressionOperation)?.Expression as ITupleOperation ?? d.Target as ITupleOperation;
                if (tuple is null) break;
                var value2 = Read(d.Value);
                return [new Statement.Assign(module.Spans.Add(d.Value.Syntax), tuple.Elements.Select(e => e is IDiscardOperation ? null : Target(ModuleReader.Strip(e is IDeclarationExpressionOperation x ? x.Expression : e))).ToEquatable(), value2)];
            case IForLoopOperation loop when For(loop, id) is { } read: return [read];
            case IForEachLoopOperation loop when ForEach(loop, id) is { } read: return [read];
            case IForEachLoopOperation loop when Own(ModuleReader.Strip(loop.Collection)) is { Type.Name: DslNames.Repeat } refusedRepeat && layers.All(l => l.Field != refusedRepeat.Name): return [];      // reported where it is declared
            case IConditionalOperation { Syntax: IfStatementSyntax } choice when If(choice, id) is { } read: return [read];
            case IReturnOperation { ReturnedValue: { } result }:
                return [new Statement.Return(module.Spans.Add(statement.Syntax is ReturnStatementSyntax { ReturnKeyword: var keyword } ? keyword : result.Syntax), Read(result))];
            case IExpressionStatementOperation { Operation: IInvocationOperation call } when !IsKnown(call.TargetMethod):
                ReportStranger(call);
                return [];
            case IInvalidOperation: return [];
            case IReturnOperation: return [];                        // nothing is returned: C# says so
        }
        if (statement.DescendantsAndSelf().Any(o => o is IInvalidOperation)) return [];
        Unsupported.Report(module, statement);
        return [];
    }

    private Expr Declared(IVariableDeclaratorOperation declarator, out Expr value)
    {
        var before = module.FindingCount;
        var initial = declarator.GetVariableInitializer()!.Value;
        value = Given(declarator.Symbol, initial);
        if (module.FindingCount == before && value is Expr.Host or Expr.HostTemplate or Expr.Int or Expr.Size && !MayHold(declarator.Symbol.Type))
        {
            module.Report("SEM0020", $"`{declarator.Symbol.Name}` cannot be part of a graph: its locals hold values, layers, sizes and numbers, not {declarator.Symbol.Type.WithNullableAnnotation(NullableAnnotation.None).ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat)}", module.Spans.Add(initial.Syntax));
            value = new Expr.Broken(module.Spans.Add(initial.Syntax));
        }
        if (module.FindingCount > before) refusedLocals.Add(declarator.Symbol);
        return value;
    }

    // only an argument can be left out: where a graph is read, every other value is there
    private Expr Given(ISymbol target, IOperation written)
    {
        var value = Read(written);
        if (value is not Expr.Null) return value;
        module.Report("SEM0020", $"`{target.Name}` cannot be null in a graph: only a mask that a caller leaves out is; give it its value, in both branches of an `if` where there are two", module.Spans.Add(written.Syntax));
        return new Expr.Broken(module.Spans.Add(written.Syntax));
    }

    // what operations, layers and callees take; constants of text are patterns
    private static bool MayHold(ITypeSymbol type)
        => type.TypeKind is TypeKind.Error or TypeKind.Enum || IsDsl(type) || type.SpecialType is >= SpecialType.System_Boolean and <= SpecialType.System_String
            || type is INamedTypeSymbol named && (ModuleReader.DerivesFromGraphModule(named) || named.IsTupleType && named.TupleElements.All(e => MayHold(e.Type)));

    private string Name(ISymbol symbol, Expr _) => Name(symbol);

    private static EquatableArray<T> EquatableOf<T>(T item) => new([item]);

    private string? Target(IOperation target) => target switch
    {
        ILocalReferenceOperation l => Name(l.Local),
        IParameterReferenceOperation { Parameter.ContainingSymbol: IMethodSymbol { MethodKind: not MethodKind.Constructor } } p => Name(p.Parameter),
        _ => null,
    };

    // two loops may reuse a variable's name; within a graph every name is one thing
    private string Name(ISymbol symbol)
    {
        if (names.TryGetValue(symbol, out var name)) return name;
        name = symbol.Name;
        for (var n = 2; !taken.Add(name); n++) name = symbol.Name + n.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return names[symbol] = name;
    }

    private Statement? For(IForLoopOperation loop, int id)
    {
        if (loop.Locals is not [{ Type.SpecialType: SpecialType.System_Int32 } variable] || loop.Condition is not IBinaryOperation { OperatorKind: BinaryOperatorKind.LessThan or BinaryOperatorKind.LessThanOrEqual } condition
            || ModuleReader.Strip(condition.LeftOperand) is not ILocalReferenceOperation { Local: var tested } || !SymbolEqualityComparer.Default.Equals(tested, variable)
            || loop.AtLoopBottom is not [IExpressionStatementOperation { Operation: IIncrementOrDecrementOperation { Kind: OperationKind.Increment } }]
            || loop.Before.OfType<IVariableDeclarationGroupOperation>().SelectMany(g => g.Declarations).SelectMany(d => d.Declarators).FirstOrDefault()?.GetVariableInitializer() is not { } start) return null;
        // every loop has a scope of its own, so its variable keeps its name
        var name = names[variable] = variable.Name;
        return new Statement.For(id, name, Read(start.Value), Read(condition.RightOperand), condition.OperatorKind == BinaryOperatorKind.LessThanOrEqual, Block(loop.Body));
    }

    private Statement? ForEach(IForEachLoopOperation loop, int id)
    {
        if (loop.Locals is not [var variable] || Own(ModuleReader.Strip(loop.Collection)) is not { } field || layers.FirstOrDefault(l => l.Field == field.Name && l.Count is not null) is not { } layer) return null;
        var index = variable.Name + "Index";
        for (var n = 2; Written.Contains(index); n++) index = variable.Name + "Index" + n.ToString(System.Globalization.CultureInfo.InvariantCulture);
        aliases[variable] = new Expr.Element(id, new Expr.Layer(id, layer.Field), new Expr.Local(id, index), variable.Name);
        return new Statement.For(id, index, new Expr.Int(id, 0), layer.Count!, false, Block(loop.Body));
    }

    private Statement? If(IConditionalOperation choice, int id)
    {
        if (NullTest(choice.Condition, out var notNull) is { } mask) return new Statement.If(id, mask, notNull, null, Block(choice.WhenTrue), Otherwise());
        if (choice.Condition.DescendantsAndSelf().OfType<IPropertyReferenceOperation>().FirstOrDefault(p => p.Property is { Name: "Value", ContainingType.Name: DslNames.Sym }) is { } looked)
        {
            module.Report("SEM0022", $"`{looked.Syntax}`: a graph cannot look at values; keep the comparison on the device or leave the graph", module.Spans.Add(looked.Syntax));
            return new Statement.If(id, null, false, "false", default, default);
        }
        if (choice.Condition.DescendantsAndSelf().OfType<ILocalReferenceOperation>().Any(l => refusedLocals.Contains(l.Local))) return new Statement.If(id, null, false, "false", Block(choice.WhenTrue), Otherwise());
        return Flag(choice.Condition) is { } flag ? new Statement.If(id, null, false, flag, Block(choice.WhenTrue), Otherwise()) : null;

        EquatableArray<Statement> Otherwise() => choice.WhenFalse is null ? default : Block(choice.WhenFalse);
    }

    // a bool hyper-parameter or member, a hyper-parameter against a constant, or several of these under ! && ||: both branches are checked, and nothing depends on sizes or data
    private string? Flag(IOperation condition)
    {
        switch (ModuleReader.Strip(condition))
        {
            case IParameterReferenceOperation { Type.SpecialType: SpecialType.System_Boolean } p: return p.Syntax.ToString();
            case IPropertyReferenceOperation { Type.SpecialType: SpecialType.System_Boolean, Property: { IsIndexer: false, SetMethod: null, Name: var name }, Instance: IInstanceReferenceOperation }: return name;
            case IUnaryOperation { OperatorKind: UnaryOperatorKind.Not } not: return Flag(not.Operand) is { } opposite ? "!" + (opposite.Contains(' ') ? $"({opposite})" : opposite) : null;
            case IBinaryOperation { OperatorKind: BinaryOperatorKind.ConditionalAnd or BinaryOperatorKind.ConditionalOr } both:
                var either = both.OperatorKind == BinaryOperatorKind.ConditionalOr;
                return Flag(both.LeftOperand) is { } left && Flag(both.RightOperand) is { } right ? $"{(either ? left : Grouped(left))} {(either ? "||" : "&&")} {(either ? right : Grouped(right))}" : null;
            case IBinaryOperation { Syntax: BinaryExpressionSyntax { OperatorToken.Text: "==" or "!=" or "<" or ">" or "<=" or ">=" } written } b when IsChoice(b.LeftOperand) && IsConstant(b.RightOperand) || IsConstant(b.LeftOperand) && IsChoice(b.RightOperand):
                return $"{Unsupported.HostText(b.LeftOperand)} {written.OperatorToken.Text} {Unsupported.HostText(b.RightOperand)}";
            default: return null;
        }

        static string Grouped(string text) => text.Contains("||") ? $"({text})" : text;
        static bool IsChoice(IOperation o) => ModuleReader.Strip(o) is IParameterReferenceOperation { Parameter.ContainingSymbol: IMethodSymbol { MethodKind: MethodKind.Constructor }, Type: { } type } && (type.TypeKind == TypeKind.Enum || type.SpecialType is SpecialType.System_Double or SpecialType.System_Single or SpecialType.System_Boolean);
        static bool IsConstant(IOperation o) => ModuleReader.Strip(o).ConstantValue is { HasValue: true, Value: not null };
    }

    private string? NullTest(IOperation condition, out bool notNull)
    {
        notNull = false;
        switch (condition)
        {
            case IIsPatternOperation { Value: var value, Pattern: var pattern }:
                if (pattern is INegatedPatternOperation negated) (notNull, pattern) = (true, negated.Pattern);
                return pattern is IConstantPatternOperation { Value.ConstantValue: { HasValue: true, Value: null } } ? Mask(value) : null;
            case IBinaryOperation { OperatorKind: BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals } b when ModuleReader.Strip(b.RightOperand).ConstantValue is { HasValue: true, Value: null }:
                notNull = b.OperatorKind == BinaryOperatorKind.NotEquals;
                return Mask(b.LeftOperand);
            default: return null;
        }
    }

    private string? Mask(IOperation value) => ModuleReader.Strip(value) is IParameterReferenceOperation p && ContractReader.Kind(p.Parameter.Type) == ParameterKind.Mask ? Name(p.Parameter) : null;

    // nothing of the graph's values in it: only C# evaluates it
    private bool IsHost(IOperation operation) => IsSizeCall(operation) || IsHostItself(operation) && operation.ChildOperations.All(IsHost);

    private static bool IsSizeCall(IOperation operation) => operation is IInvocationOperation { TargetMethod: { Name: "Size", ContainingType.Name: DslNames.Sym } };

    // a local, a parameter of the graph or the size of a value: the generated code has other names for these
    private bool ReadsGraph(IOperation operation)
        => operation.DescendantsAndSelf().Any(o => o is ILocalReferenceOperation { Local.IsConst: false } || IsSizeCall(o) || o is IParameterReferenceOperation { Parameter: { ContainingSymbol: IMethodSymbol { MethodKind: not (MethodKind.Constructor or MethodKind.AnonymousFunction) } } p } && names.ContainsKey(p));

    private Expr? Template(IOperation operation, int id)
    {
        var (texts, parts) = (new List<string>(), new List<Expr>());
        var open = "";
        void Part(IOperation part)
        {
            texts.Add(open);
            open = "";
            parts.Add(Read(part));
        }
        switch (operation)
        {
            case IBinaryOperation { Syntax: BinaryExpressionSyntax { OperatorToken.Text: var sign } } b:
                open = IsCast(b.LeftOperand) ? "((double)" : "(";
                Part(b.LeftOperand);
                open = IsCast(b.RightOperand) ? $" {sign} (double)" : $" {sign} ";
                Part(b.RightOperand);
                open = ")";
                break;
            case IConversionOperation { IsImplicit: false, OperatorMethod: null, Type: { } to } c:
                open = $"({to.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat)})(";
                Part(c.Operand);
                open = ")";
                break;
            case IUnaryOperation { Syntax: PrefixUnaryExpressionSyntax { OperatorToken.Text: var sign } } u:
                open = sign + "(";
                Part(u.Operand);
                open = ")";
                break;
            case IInvocationOperation { TargetMethod: { IsStatic: true, IsGenericMethod: false } m } call when call.Arguments.All(a => a.ArgumentKind is ArgumentKind.Explicit or ArgumentKind.DefaultValue):
                open = $"{m.ContainingType.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat)}.{m.Name}(";
                foreach (var a in call.Arguments.Where(a => a.ArgumentKind == ArgumentKind.Explicit))
                {
                    open += $"{(parts.Count > 0 ? ", " : "")}{Symbols.Identifier.Escaped(a.Parameter!.Name)}: ";
                    if (IsCast(a.Value)) open += "(double)";
                    Part(a.Value);
                }
                open += ")";
                break;
            default: return null;
        }
        texts.Add(open);
        return new Expr.HostTemplate(id, texts.ToEquatable(), parts.ToEquatable());

        // a whole number where C# has made it a double already
        static bool IsCast(IOperation o) => o is IConversionOperation { ConstantValue.HasValue: false, Type.SpecialType: SpecialType.System_Double, Operand.Type.SpecialType: SpecialType.System_Int32 };
    }

    private static bool IsHostItself(IOperation o)
        => o is not IInvalidOperation && (o.Type is null || o.Type.TypeKind != TypeKind.Error && !IsDsl(o.Type) || o is IInstanceReferenceOperation);

    private static bool IsDsl(ITypeSymbol type) => type.ContainingNamespace?.ToDisplayString() == DslNames.Namespace && type.Name is "Sym" or "OrderMask" or "Parts" or "Weight" or "Constant" or "Repeat";

    private Expr Read(IOperation operation)
    {
        operation = ModuleReader.Strip(operation);
        var id = module.Spans.Add(operation.Syntax);
        if (operation is IInvalidOperation) return new Expr.Broken(id);
        if (operation.ConstantValue is { HasValue: true, Value: null }) return new Expr.Null(id);
        if (operation.ConstantValue is { HasValue: true, Value: string text }) return new Expr.Text(id, text);
        if (operation.Type?.SpecialType == SpecialType.System_Int32) return ints.Read(operation, IntInGraph);
        switch (operation)
        {
            case ILocalReferenceOperation l: return aliases.TryGetValue(l.Local, out var alias) ? alias : new Expr.Local(id, Name(l.Local));
            case IParameterReferenceOperation { Parameter: { ContainingSymbol: IMethodSymbol { MethodKind: not MethodKind.Constructor } } p }: return new Expr.Local(id, Name(p));
            case IConversionOperation { OperatorMethod: not null } c: return Read(c.Operand);
            case IFieldReferenceOperation when Own(operation) is { } f && layers.Any(l => l.Field == f.Name): return new Expr.Layer(id, f.Name);
            case IFieldReferenceOperation { Field.ContainingType: var owner } when SymbolEqualityComparer.Default.Equals(owner, module.Type) && ModuleReader.DerivesFromGraphModule(operation.Type as INamedTypeSymbol ?? owner): return new Expr.Broken(id);
            case IInstanceReferenceOperation: return new Expr.This(id);
            case IPropertyReferenceOperation { Property: { IsIndexer: true, ContainingType.Name: DslNames.Sym }, Instance: { } target } slice when slice.Arguments.FirstOrDefault(a => a.Parameter?.Name == "pattern") is { } pattern:
                if (Read(pattern.Value) is Expr.Text written) return new Expr.Slice(id, Read(target), written, Arguments(slice.Arguments, id));
                module.Report("SEM0030", "a pattern is a constant text: write it in place, or declare it `const string`", module.Spans.Add(pattern.Value.Syntax));
                return new Expr.Broken(id);
            case IPropertyReferenceOperation { Property.IsIndexer: true, Instance: { } target, Arguments: [var argument] } when Read(target) is var repeated and (Expr.Layer or Expr.Broken or Expr.Element): return new Expr.Element(id, repeated, Read(argument.Value));
            case IImplicitIndexerReferenceOperation { Argument: var fromEnd }:
                module.Report("SEM0020", $"`{fromEnd.Syntax}` cannot be part of a graph: a copy is counted from the front; write its number, for example `L - 1`", module.Spans.Add(fromEnd.Syntax));
                return new Expr.Broken(id);
            case IPropertyReferenceOperation { Property.Name: "Value", Instance: { } holder }:
                if (Read(holder) is var held and (Expr.Layer or Expr.Broken)) return held;
                module.Report("SEM0022", $"`{operation.Syntax}`: a graph cannot look at values; keep the comparison on the device or leave the graph", id);
                return new Expr.Broken(id);
            case IBinaryOperation b when Operator(b.OperatorKind) is { } sign && !IsHost(operation): return new Expr.Binary(id, sign, Read(b.LeftOperand), Read(b.RightOperand));
            case IUnaryOperation { OperatorKind: UnaryOperatorKind.Minus } u when !IsHost(operation): return new Expr.Negate(id, Read(u.Operand));
            case ITupleOperation t: return new Expr.Tuple(id, t.Elements.Select(Read).ToEquatable());
            case IInvocationOperation call when Call(call, id) is { } read: return read;
        }
        if (operation is not (IObjectCreationOperation or IArrayCreationOperation or ICollectionExpressionOperation) && IsHost(operation) && operation.Type is not null && !IsDsl(operation.Type) && !(operation.Type is INamedTypeSymbol layer && ModuleReader.DerivesFromGraphModule(layer)))
        {
            if (!ReadsGraph(operation)) return new Expr.Host(id, Unsupported.HostText(operation));
            if (Template(operation, id) is { } template) return template;
        }
        if (operation.Type?.TypeKind == TypeKind.Error || operation.DescendantsAndSelf().OfType<ILocalReferenceOperation>().Any(l => refusedLocals.Contains(l.Local))) return new Expr.Broken(id);
        Unsupported.Report(module, operation);
        return new Expr.Broken(id);
    }

    // a field of this instance: another module's may have the same name
    private static IFieldSymbol? Own(IOperation operation)
        => operation is IFieldReferenceOperation { Instance: IInstanceReferenceOperation { ReferenceKind: InstanceReferenceKind.ContainingTypeInstance }, Field: var field } ? field : null;

    private Expr? IntInGraph(IOperation operation) => operation switch
    {
        ILocalReferenceOperation l => new Expr.Local(module.Spans.Add(operation.Syntax), Name(l.Local)),
        IParameterReferenceOperation { Parameter: { ContainingSymbol: IMethodSymbol { MethodKind: not (MethodKind.Constructor or MethodKind.AnonymousFunction) } } p } when names.ContainsKey(p) => new Expr.Local(module.Spans.Add(operation.Syntax), Name(p)),
        IInvocationOperation { TargetMethod: { Name: "Size", ContainingType.Name: DslNames.Sym } } call => Call(call, module.Spans.Add(operation.Syntax)),
        IPropertyReferenceOperation { Property.Name: "Count", Instance: { } repeated } when Own(repeated) is { } f && layers.FirstOrDefault(l => l.Field == f.Name) is { Count: { } count } => count,
        _ => null,
    };

    private Expr? Call(IInvocationOperation call, int id)
    {
        var callee = call.TargetMethod;
        var owner = callee.ContainingType;
        var dsl = owner.ContainingNamespace.ToDisplayString() == DslNames.Namespace;
        var isOperation = dsl && owner.Name is DslNames.Sym or DslNames.Ops or DslNames.OrderMask;
        if (!IsKnown(callee))
        {
            if (call.Type is { } type && !IsDsl(type) && IsHost(call)) return null;
            ReportStranger(call);
            return new Expr.Broken(id);
        }
        var isOwn = callee.IsStatic && SymbolEqualityComparer.Default.Equals(owner, module.Type);
        if (callee.IsStatic && !isOperation && !dsl && !(isOwn && callee.DeclaredAccessibility == Accessibility.Private))
        {
            // a module's is refused where it is declared
            if (!ModuleReader.Has(owner, "ModuleAttribute") || callee.DeclaringSyntaxReferences.Length == 0) ReportStranger(call);
            return new Expr.Broken(id);
        }
        if (!isOperation && !dsl) module.Use(owner);
        return new Expr.Call(id, isOperation || dsl ? owner.Name : owner.ToDisplayString(), callee.Name, call.Instance is not null ? Read(call.Instance) : isOwn ? new Expr.This(id) : null, Arguments(call.Arguments, id));
    }

    private EquatableArray<Argument> Arguments(IEnumerable<IArgumentOperation> written, int id)
    {
        var arguments = new List<Argument>();
        foreach (var a in written)
        {
            if (a.ArgumentKind == ArgumentKind.DefaultValue && a is { Parameter.Name: "name1" or "name2", Value.ConstantValue: { HasValue: true, Value: string text } })
                arguments.Add(new(a.Parameter.Name, new Expr.Text(id, text)));                       // a size argument as it was written
            if (a.ArgumentKind == ArgumentKind.DefaultValue || a.Parameter is null) continue;
            // Concat("B [T] D", [a, b]) is the same as Concat("B [T] D", a, b)
            if (a.ArgumentKind is ArgumentKind.ParamCollection or ArgumentKind.ParamArray || a.Parameter.IsParams && ParamElements(a.Value).All(e => e.Type is { } type && IsDsl(type)))
                arguments.Add(new(a.Parameter.Name, new Expr.Tuple(id, ParamElements(a.Value).Select(Read).ToEquatable())));
            else arguments.Add(new(a.Parameter.Name, Read(a.Value)));
        }
        return arguments.ToEquatable();
    }

    // an operation, a graph, or a layer of the language
    private static bool IsKnown(IMethodSymbol callee)
    {
        var owner = callee.ContainingType;
        var dsl = owner.ContainingNamespace.ToDisplayString() == DslNames.Namespace;
        return dsl && owner.Name is DslNames.Sym or DslNames.Ops or DslNames.OrderMask || ModuleReader.Has(callee, DslNames.Graph) || dsl && ModuleReader.DerivesFromGraphModule(owner);
    }

    private void ReportStranger(IInvocationOperation call)
    {
        // reported where it is declared
        if (call.TargetMethod.MethodKind == MethodKind.LocalFunction || call is { TargetMethod.MethodKind: MethodKind.DelegateInvoke, Instance: ILocalReferenceOperation }) return;
        if (call.DescendantsAndSelf().OfType<IPropertyReferenceOperation>().FirstOrDefault(p => p.Property is { Name: "Value", ContainingType.Name: DslNames.Sym }) is { } looked)
        {
            module.Report("SEM0022", $"`{looked.Syntax}`: a graph cannot look at values; keep the comparison on the device or leave the graph", module.Spans.Add(looked.Syntax));
            return;
        }
        var (callee, owner) = (call.TargetMethod, call.TargetMethod.ContainingType);
        var helper = SymbolEqualityComparer.Default.Equals(owner, module.Type) ? callee.Name : owner.Name + "." + callee.Name;
        var wayOut = ModuleReader.Has(callee, DslNames.Graph) ? "make it a private graph of this module" : "move it out of [Graph], or mark the helper [Graph]";
        module.Report("SEM0021", $"`{helper}` is not a graph operation; {wayOut}", module.Spans.Add(CalleeSyntax(call)));
    }

    private static SyntaxNode CalleeSyntax(IInvocationOperation call) => call.Syntax is InvocationExpressionSyntax invocation ? invocation.Expression : call.Syntax;

    private static IEnumerable<IOperation> ParamElements(IOperation value) => ModuleReader.Strip(value) switch
    {
        ICollectionExpressionOperation c => c.Elements,
        IArrayCreationOperation { Initializer: { } i } => i.ElementValues,
        var other => [other],
    };

    private static string? Operator(BinaryOperatorKind kind) => kind switch
    {
        BinaryOperatorKind.LessThan => "<",
        BinaryOperatorKind.LessThanOrEqual => "<=",
        BinaryOperatorKind.GreaterThan => ">",
        BinaryOperatorKind.GreaterThanOrEqual => ">=",
        _ => IntReader.Sign(kind),
    };
}
